#!/usr/bin/env bash
# Builds what ships on a device into a folder: the static stages, the fuse provider, libhusk.a, libhusk.so and husk.h.
#
#   scripts/build-device.sh OUT
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[ $# -eq 1 ] || die "usage: build-device.sh OUT"
mkdir -p "$1"
out=$(cd "$1" && pwd)

export HUSK_EMBEDDED=1
quietly swift build --package-path "$root" -c release --scratch-path "$root/.build-device"
built=$(swift build --package-path "$root" -c release --scratch-path "$root/.build-device" --show-bin-path)

for stage in bootrom bootloader decryptor fuseprovider; do
  strip -o "$out/$stage.new" "$built/$stage"
  mv "$out/$stage.new" "$out/$stage"
done

# One object with nothing visible but husk_*, in which only what these need is left.
exports=$(sed -n 's/^HUSK_EXPORT.*[ *]\(husk_[a-z_]*\)(.*/\1/p' "$root/Sources/CHusk/include/husk.h")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
printf '%s\n' $exports >"$work/exports"
gcc -r -nostdlib -o "$work/husk.o" -Wl,--gc-sections $(printf -- '-Wl,-u,%s ' $exports) \
  -Wl,--whole-archive "$built/libhusk.a" -Wl,--no-whole-archive
objcopy --keep-global-symbols="$work/exports" --strip-unneeded "$work/husk.o"
rm -f "$work/libhusk.a"
ar rcD "$work/libhusk.a" "$work/husk.o"
{
  echo "HUSK_0 { global:"
  sed 's/$/;/' "$work/exports"
  echo "local: *; };"
} >"$work/libhusk.map"
gcc -shared -o "$work/libhusk.so" -Wl,-soname,libhusk.so.0 -Wl,--version-script,"$work/libhusk.map" \
  -Wl,--gc-sections -Wl,-z,relro,-z,now,-z,noexecstack,-z,defs -Wl,--build-id=none -s \
  "$work/husk.o"
install -m 644 "$work/libhusk.a" "$work/libhusk.so" "$root/Sources/CHusk/include/husk.h" "$out"
