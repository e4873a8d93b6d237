#!/usr/bin/env bash
# Sets up, builds, and measures Husk beside the parts that its work is made of: what counts are the ratios.
#
#   scripts/bench.sh [--devices N] [SECTION…]      sections: grants (all of them, if none is named)
#
# grants: makes N devices (10 000; the full run is --devices 1000000) with identities of their own, imports them into a
# vault, grants a module to all in one bundle, takes one grant out and loads the module with it on a real device.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$root/scripts/sample.sh"

devices=10000
sections=()
while [ $# -gt 0 ]; do
  case $1 in
  --devices) [[ ${2:-} =~ ^[1-9][0-9]*$ ]] || die "--devices takes a number"; devices=$2; shift 2 ;;
  grants) sections+=("$1"); shift ;;
  *) die "unknown argument $1: see the top of this script" ;;
  esac
done
[ ${#sections[@]} -gt 0 ] || sections=(grants)

"$root/scripts/setup.sh"
make_scratch
say "Building (the first time takes some minutes)"
build_sample
quietly swift build --package-path "$root" -c release --product husk-bench
bench=$(dirname "$husk")/husk-bench
cd "$scratch"

# measure NAME COMMAND…: runs it, and notes its wall and processor seconds and its peak memory (KiB) under NAME.
measure() {
  local name=$1
  shift
  python3 - "$scratch/measured" "$name" "$@" <<'END'
import resource, subprocess, sys, time
notes, name, command = sys.argv[1], sys.argv[2], sys.argv[3:]
start = time.monotonic()
status = subprocess.call(command, stdout=subprocess.DEVNULL)
wall = time.monotonic() - start
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(notes, "a") as file:
    print(name, wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss, file=file)
sys.exit(status)
END
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
  certify_sample_keys
  sign_sample_stages
  pack_sample_modules
  trust_sample_platform
  as_root "$husk" sim create real --rom "$sdk/stages/bootrom" --boot-root boot-root.pub \
    --device-root-key device-root.pem
  as_root "$husk" sim install real loader.husk decryptor.husk firmware.husk adpcm.husk
  as_root "$husk" sim identity real -o real.identity

  say "Making $devices devices"
  fleet $small few
  fleet "$devices" many
  say "Importing them, and granting them a module"
  "$bench" parts >parts
  "$bench" engine 20000 >engine
  import_and_grant few
  import_and_grant many
  "$bench" parts >>parts

  local id
  id=$("$husk" inspect real.identity --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["device"])')
  "$bench" look-up many.grants "$id" >look-up
  measure extract "$husk" grant extract many.grants --device "$id" -o real.grant
  as_root "$husk" sim install real real.grant
  cp "$root/Samples/data/melody.wav" . && chmod 644 melody.wav
  as_root "$husk" sim boot real -- roundtrip "$scratch/melody.wav" >/dev/null || die "the real device refused its grant"

  python3 - $small "$devices" <<'END'
import os, sys

few, many = int(sys.argv[1]) + 1, int(sys.argv[2]) + 1
def values(path):
    found = {}
    for line in open(path):
        name, value = line.split()
        found[name] = min(float(value), found.get(name, float("inf")))
    return found
part, engine, look_up = values("parts"), values("engine"), values("look-up")
wall, processor, memory = {}, {}, {}
for line in open("measured"):
    name, *numbers = line.split()
    wall[name], processor[name], memory[name] = map(float, numbers)

cores = int(part["cores"])
bound = part["x25519-keygen"] + part["x25519"] + part["ed25519-sign"]
verifies = 4 * part["ed25519-verify"]
def row(what, value, note=""): print(f"{what:<52}{value:>12}  {note}")
def micro(seconds): return f"{seconds * 1e6:.1f} µs"
print(f"\ngrants: {many} devices, {cores} cores")
row("X25519 key + X25519 + Ed25519 signature", micro(bound),
    " + ".join(micro(part[name]) for name in ("x25519-keygen", "x25519", "ed25519-sign")))
row("a grant, issued in memory: processor time", micro(engine["processor"]))
row("  ratio per core", f"{bound / engine['processor']:.2f}", "target 0.85")
row("a grant, from vault to bundle: processor time", micro(processor["grant-many"] / many))
row("  ratio per core", f"{bound / (processor['grant-many'] / many):.2f}", "reading, recording, sorting included")
row("  ratio of all cores", f"{bound / (wall['grant-many'] / many * cores):.2f}", "by the clock on the wall")
row("grants per second", f"{many / wall['grant-many']:.0f}", f"{wall['grant-many']:.1f} s")
row("4 Ed25519 verifications", micro(verifies))
row("an identity imported: processor time", micro(processor["import-many"] / many))
row("  ratio per core", f"{verifies / (processor['import-many'] / many):.2f}")
row("identities imported per second", f"{many / wall['import-many']:.0f}", f"{wall['import-many']:.1f} s")
for verb in ("import", "grant"):
    row(f"peak memory of {verb}, {few} devices", f"{memory[verb + '-few'] / 1024:.0f} MiB")
    row(f"peak memory of {verb}, {many} devices", f"{memory[verb + '-many'] / 1024:.0f} MiB", "target 100 MiB, flat")
row("look-up in the bundle, its directory in memory", micro(look_up["in-memory-directory"]))
row("look-up in the bundle, its directory read first", micro(look_up["whole"]))
row("husk grant extract, the whole command", f"{wall['extract'] * 1000:.0f} ms")
row("bundle, for each device", f"{os.path.getsize('many.grants') / many:.1f} B")
row("vault, for each device with its grant", f"{os.path.getsize('many.vault') / many:.0f} B",
    f"identity file: {os.path.getsize('many.identities') / many:.0f} B")
print("one grant was taken from the bundle and opened by a real device")
END
}

for section in "${sections[@]}"; do "$section"; done
