#!/usr/bin/env bash
# Builds what ships on devices into a release folder (SPEC 12.1) and, beside it, a tarball: the static stages, libhusk
# with what C, C++, CMake and Swift need to use it, the sample firmware. Two builds of the same commit with the same
# packages are identical, byte for byte.
#
#   scripts/build-device.sh [x86_64|aarch64] [OUT]        default: this machine's architecture, .build-sdk/ARCHITECTURE
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$root/scripts/debian.sh"

[ $# -le 2 ] || die "usage: build-device.sh [x86_64|aarch64] [OUT]"
architecture=${1:-$(uname -m)}
debian=$(debian_architecture "$architecture")
out=$(realpath -m "${2:-$root/.build-sdk/$architecture}")
[ ! -e "$out" ] || [ -e "$out/BUILD-INFO" ] || die "$out is there and isn't a release folder"
mkdir -p "$(dirname "$out")"

# What is made must not depend on who makes it, or where.
umask 022
export LC_ALL=C TZ=UTC0
cd "$root"

# What the stages and libhusk are linked with: this machine's, or for another architecture Debian's in a folder.
libraries=(libc6-dev linux-libc-dev libssl-dev liblz4-dev)
sysroot=
if [ "$architecture" != "$(uname -m)" ]; then
  sysroot=".build-sysroot/$architecture"
  unpack_debian "$architecture" "$root/$sysroot" libc6 libssl3 liblz4-1 "${libraries[@]}"
fi

package_of() { dpkg -S "$(readlink -f "$(command -v "$architecture-linux-gnu-$1")")" | cut -d: -f1; }
made_with() {
  swift --version 2>/dev/null | sed -n 's/^Swift version \([^ ]*\).*/swift \1/p'
  dpkg-query -W -f='${Package} ${Version}\n' "$(package_of gcc)" "$(package_of ld)"
  if [ -n "$sysroot" ]; then
    sed "s/^[^ ]*/&:$debian/" "$sysroot/.versions"
  else
    dpkg-query -W -f="\${Package}:$debian \${Version}\n" "${libraries[@]}"
  fi
}

# What there is, the package says; make builds it. Its recipe is replaced only by another one: see RECIPE there.
build=".build-device/$architecture"
mkdir -p "$build"
# Two at once would write the same files.
exec 9>"$build.lock"
flock 9
HUSK_EMBEDDED=1 swift package --scratch-path .build-device/package dump-package >"$build/package.json"
{
  python3 -B scripts/device_makefile.py "$architecture" "$build" $sysroot <"$build/package.json"
  made_with | sed 's/^/# /'
} >"$build/Makefile.new"
cmp -s "$build/Makefile.new" "$build/Makefile" || mv "$build/Makefile.new" "$build/Makefile"
quietly make -j"$(nproc)" -f "$build/Makefile"

header=Sources/CHusk/include/husk.h
number() { sed -n "s/^#define HUSK_VERSION_$1 \([0-9]*\)$/\1/p" "$header"; }
major=$(number MAJOR)
version="$major.$(number MINOR).$(number PATCH)"
name="husk-$version-$architecture"

# Put together beside the old one, which it then replaces.
work=$(mktemp -d "$out.XXXXXX")
trap 'rm -rf "$work"' EXIT
new="$work/$name"
mkdir -p "$new"/{stages,lib,include,firmware,systemd}
for stage in $(cd "$build/stages" && find . -type f ! -name '*.map' ! -name '*.new' -printf '%P\n' | sort); do
  "$architecture-linux-gnu-strip" -o "$new/stages/$stage" "$build/stages/$stage"
done
install -m 644 "$build/lib/libhusk.a" "$new/lib"
for library in libhusk libhusk-store; do
  install -m 644 "$build/lib/$library.so.$version" "$new/lib"
  ln -s "$library.so.$version" "$new/lib/$library.so.$major"
  ln -s "$library.so.$major" "$new/lib/$library.so"
done
install -m 644 "$header" Sources/CHusk/include/module.modulemap "$new/include"
install -m 644 Samples/firmware/* Samples/adpcm/adpcm.h Samples/activity/activity.h "$new/firmware"
install -m 644 LICENSE "$new"
install -m 644 Samples/service/* "$new/systemd"
while IFS= read -r file; do
  mkdir -p "$new/$(dirname "$file")"
  sed -e "s/@VERSION@/$version/; s/@MAJOR@/$major/; s/@ARCHITECTURE@/$architecture/" "Samples/sdk/$file" \
    >"$new/${file%.in}"
done < <(cd Samples/sdk && find . -type f -printf '%P\n' | sort)

# What all of this was made from and with: the same gives the same.
source_digest() {
  find Package.swift Sources Samples/{adpcm,activity,firmware,sdk,service} scripts LICENSE -type f | sort |
    xargs sha256sum | sha256sum | cut -d' ' -f1
}
{
  printf 'Husk %s for %s\n\n' "$version" "$architecture"
  printf 'sources  SHA-256 %s\n\nmade with\n' "$(source_digest)"
  made_with | sed 's/^/  /'
} >"$new/BUILD-INFO"
python3 -B scripts/size_report.py "$build" "$new" >"$new/SIZES"
(cd "$new" && find . -type f -printf '%P\n' | sort | xargs sha256sum) >"$work/sums"
install -m 644 "$work/sums" "$new/SHA256SUMS"

# The commit's time stands for all times.
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
tar -C "$work" --sort=name --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --format=ustar -c "$name" |
  gzip -9n >"$work/tarball"
rm -rf "$out"
mv "$new" "$out"
mv "$work/tarball" "$(dirname "$out")/$name.tar.gz"
cat "$out/SIZES"
