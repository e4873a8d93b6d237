#!/usr/bin/env bash
# Shows Husk's main job from nothing: keys, two packed modules, a device that boots and runs them, and three refusals.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$root/scripts/sample.sh"

"$root/scripts/setup.sh"
make_scratch

say "Building (the first time takes some minutes)"
build_sample
cd "$scratch"

device() { as_root "$husk" sim "$@"; }

echo "Platform owner: makes the boot root, certifies who may sign boot stages and who is a vendor"
certify_sample_keys
echo "Platform owner: signs bootloader, decryptor and the integrator's firmware"
sign_sample_stages
echo "Vendor: packs an audio codec and an activity classifier, once for all devices"
pack_sample_modules
echo "Vendor: says which silicon and secure world are trusted"
trust_sample_platform
echo "Factory: makes device A, which tells its identity; the vendor grants it both modules"
make_sample_device A
device identity A -o A.identity
grant_sample_modules A.identity
device install A adpcm.grant activity.grant

cp "$root/Samples/data/melody.wav" "$root/Samples/data/day.csv" .
chmod 644 melody.wav day.csv
echo
echo "Device A boots and runs the codec on melody.wav, straight from memory:"
device boot A -- roundtrip "$scratch/melody.wav"
echo "Device A boots and tells what its wearer did:"
device boot A -- classify "$scratch/day.csv"

refused() {
  local status=0
  "$@" || status=$?
  [ $status -eq 1 ] || die "expected a refusal (status 1), got status $status"
}
echo
echo "Device B has the same packages and, copied over, A's grants:"
make_sample_device B
device install B adpcm.grant activity.grant
refused device boot B -- roundtrip "$scratch/melody.wav" 2>&1
echo "Device A with one flipped byte in the codec's package:"
as_root python3 - <<'END'
path = "A/flash/modules/com.example.adpcm/1.husk"
data = bytearray(open(path, "rb").read())
data[-1000] ^= 1
open(path, "wb").write(data)
END
refused device boot A -- roundtrip "$scratch/melody.wav" 2>&1
device install A adpcm.husk
echo "Device A unlocked for debugging:"
device fuse A --lifecycle debug
refused device boot A -- roundtrip "$scratch/melody.wav" 2>&1
echo
echo "Done: two modules ran from memory, three refusals as they should be."
