#!/usr/bin/env bash
# Makes a sample device for an emulated board: keys, stages, the sample firmware, both sample modules, granted to it. It
# tells its identity on a board. Does nothing when the device is there and made of what the sources give now.
#
#   scripts/sample-device.sh x86_64|aarch64 DIRECTORY
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$root/scripts/sample.sh"

[ $# -eq 2 ] || die "usage: sample-device.sh x86_64|aarch64 DIRECTORY"
mkdir -p "$(dirname "$2")"
directory=$(realpath -m "$2")
"$root/scripts/setup.sh"
build_sample "$1"
made_of=$(cat "$husk" "$sdk"/stages/* "$samples/firmware" "$samples"/*.so | sha256sum)
[ "$(cat "$directory/made-of" 2>/dev/null)" != "$made_of" ] || exit 0

make_scratch
cd "$scratch"
certify_sample_keys
sign_sample_stages
pack_sample_modules
trust_sample_platform
make_sample_device device
"$root/scripts/board.sh" --arch "$1" device -- identity >identity
grant_sample_modules identity
"$husk" sim install device adpcm.grant activity.grant
echo "$made_of" >device/made-of
rm -rf "$directory"
cp -R device "$directory"
