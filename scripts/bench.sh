#!/usr/bin/env bash
# Sets up, builds, and measures Husk beside the parts that its work is made of: what counts are the ratios.
#
#   scripts/bench.sh [--devices N] [SECTION…]      sections: grants, load, boot (all of them, if none is named)
#
# grants: makes N devices (10 000; the full run is --devices 1000000) with identities of their own, imports them into a
# vault, grants a module to all in one bundle, takes one grant out and loads the module with it on a real device.
# load: loads modules of 64 KiB to 64 MiB on a real device, on one core and on all.
# boot: from the ROM to the firmware's main.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$root/scripts/sample.sh"

devices=10000
sections=()
while [ $# -gt 0 ]; do
  case $1 in
  --devices) [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || die "--devices takes a number"; devices=$2; shift 2 ;;
  grants | load | boot) sections+=("$1"); shift ;;
  *) die "unknown argument $1: see the top of this script" ;;
  esac
done
[ ${#sections[@]} -gt 0 ] || sections=(grants load boot)

"$root/scripts/setup.sh"
make_scratch
say "Building (the first time takes some minutes)"
build_sample
quietly swift build --package-path "$root" -c release --product husk-bench
bench=$(dirname "$husk")/husk-bench
cd "$scratch"

# What all sections need: keys, a vault that trusts the sample platform, and the bench's own firmware.
prepare() {
  certify_sample_keys
  sign_sample_stages
  pack_sample_modules
  trust_sample_platform
  gcc -std=c11 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -fPIE -pie -I "$sdk/include" -o load-firmware \
    "$root/scripts/bench/load.c" "$sdk/lib/libhusk.a" -lcrypto -llz4
  gcc -std=c11 -O2 -Wall -Wextra -Werror -D_GNU_SOURCE -o exec "$root/scripts/bench/exec.c"
  mkdir measuring
  "$husk" pack load-firmware --role boot.firmware --name com.example.firmware --version 1.0.0 \
    --key platform.pem --chain platform.chain -o measuring/firmware.husk
}

# measure NAME COMMAND…: runs it, and notes its wall and processor seconds, its peak memory (KiB), and what libcrypto
# alone took meanwhile, in the file NAME.
measure() {
  local name=$1
  shift
  "$bench" beside "$@" >"$name"
}

# fleet NUMBER NAME: a vault, and a file of as many made-up devices and the real one.
fleet() {
  cp vendor.vault "$2.vault"
  "$bench" fleet "$1" device-root.pem boot-root.pub "$sdk/stages/bootloader" "$sdk/stages/decryptor" made-up.identities
  cat made-up.identities real.identity >"$2.identities"
  rm made-up.identities
}

# import_and_grant NAME
import_and_grant() {
  measure "import-$1" "$husk" device import "$1.vault" "$1.identities" --vault-key vendor.key
  measure "grant-$1" "$husk" grant --vault "$1.vault" --vault-key vendor.key --key vendor.pem --chain vendor.chain \
    --module com.example.adpcm --all --bundle "$1.grants"
}

grants() {
  local small=10000
  [ "$devices" -gt $small ] || small=$(((devices + 9) / 10))
  as_root "$husk" sim create real --rom "$sdk/stages/bootrom" --boot-root boot-root.pub \
    --device-root-key device-root.pem
  as_root "$husk" sim install real loader.husk decryptor.husk firmware.husk adpcm.husk
  as_root "$husk" sim identity real -o real.identity

  say "Making $devices devices"
  fleet $small few
  fleet "$devices" many
  say "Importing them, and granting them a module"
  measure engine "$bench" engine 20000
  import_and_grant few
  import_and_grant many

  local id
  id=$("$husk" inspect real.identity --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["device"])')
  "$bench" look-up many.grants "$id" >look-up
  measure extract "$husk" grant extract many.grants --device "$id" -o real.grant
  as_root "$husk" sim install real real.grant
  cp "$root/Samples/data/melody.wav" . && chmod 644 melody.wav
  as_root "$husk" sim boot real -- roundtrip "$scratch/melody.wav" >/dev/null || die "the real device refused its grant"
  python3 "$root/scripts/bench/report.py" grants $small "$devices"
}

# module NAME BYTES: a shared object of about this size that compresses as programs do, its package, grant and LZ4 frame.
module() {
  python3 - "$1" "$2" <<'END'
import glob, os, sys
name, size = sys.argv[1], int(sys.argv[2])
content = b""
for path in sorted(glob.glob("/usr/lib/*-linux-gnu/*.so*"), key=os.path.getsize, reverse=True) * 64:
    if len(content) >= size: break
    if not os.path.islink(path): content += open(path, "rb").read()
# Room for what the linker adds: a small module stays within 64 KiB.
open(name + ".content", "wb").write(content[:max(1, size - 16384)])
END
  printf '.section .rodata\n.incbin "%s.content"\n.text\n.globl answer\nanswer: ret\n' "$1" >"$1.s"
  gcc -shared -nostdlib -Wl,-soname,"$1" -Wl,-z,now -Wl,-z,noexecstack -o "$1.so" "$1.s"
  rm "$1.content" "$1.s"
  lz4 -q -f -12 -B5 --content-size "$1.so" "$1.lz4"
  "$husk" pack "$1.so" --name "$1" --version 1.0.0 --vault vendor.vault --vault-key vendor.key --key vendor.pem \
    --chain vendor.chain -o "$1.husk"
  "$husk" grant --vault vendor.vault --vault-key vendor.key --key vendor.pem --chain vendor.chain --module "$1" \
    --device "$measuring_id" -o "$1.grant"
  as_root "$husk" sim install measuring.device "$1.husk" "$1.grant"
  chmod 644 "$1.so" "$1.lz4"
}

# The device that the bench's own firmware runs on.
measuring_device() {
  [ ! -d measuring.device ] || return 0
  as_root "$husk" sim create measuring.device --rom "$sdk/stages/bootrom" --boot-root boot-root.pub \
    --device-root-key device-root.pem
  as_root "$husk" sim install measuring.device loader.husk decryptor.husk measuring/firmware.husk
  as_root "$husk" sim identity measuring.device -o measuring.identity
  measuring_id=$("$husk" device add vendor.vault measuring.identity --vault-key vendor.key | cut -d' ' -f1)
}

load() {
  say "Making modules"
  measuring_device
  local sizes=(65536 4194304 16777216 67108864) size names=()
  for size in "${sizes[@]}"; do
    module "com.example.m$size" "$size"
    names+=("com.example.m$size")
  done
  say "Loading them"
  for cores in one all; do
    local command=("$husk" sim boot measuring.device -- 12 "$scratch" "${names[@]}")
    [ $cores = all ] || command=(taskset -c 0 "${command[@]}")
    as_root "${command[@]}" >"load-$cores"
  done
  # Processor time of all the device's processes: what some loads take more than few.
  for size in "${sizes[@]}"; do
    for rounds in 2 22; do
      echo | as_root "$bench" beside "$husk" sim boot measuring.device -- times $rounds "com.example.m$size" \
        >"load-processor-$size-$rounds"
    done
    as_root python3 "$root/scripts/bench/memory.py" "$husk" sim boot measuring.device -- times 5 \
      "com.example.m$size" >>load-memory
  done
  python3 "$root/scripts/bench/report.py" load
}

boot() {
  say "Booting"
  measuring_device
  "$bench" parts >parts
  ./exec 40 "$sdk/stages/bootrom" "$sdk/stages/bootloader" "$sdk/stages/decryptor" "$scratch/load-firmware" >exec-times
  as_root python3 "$root/scripts/bench/boot.py" 40 "$sdk/stages/bootrom" measuring.device >boot-time
  "$bench" hash "$sdk/stages/bootloader" "$sdk/stages/decryptor" load-firmware >hash-times
  python3 "$root/scripts/bench/report.py" boot
}

prepare
for section in "${sections[@]}"; do "$section"; done
