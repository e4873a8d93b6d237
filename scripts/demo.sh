#!/usr/bin/env bash
# Shows Husk's main job from nothing: keys, two packed modules, a device that boots and runs them, and three refusals.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

"$root/scripts/setup.sh"
make_scratch

say "Building (the first time takes some minutes)"
build_device_side
quietly swift build --package-path "$root" -c release --product husk
husk=$(swift build --package-path "$root" -c release --show-bin-path)/husk
cd "$scratch"

device() { as_root "$husk" sim "$@"; }

echo "Platform owner: makes the boot root, certifies who may sign boot stages and who is a vendor"
for key in boot-root device-root platform vendor; do "$husk" keygen -o $key.pem; done
"$husk" certify --key boot-root.pem --subject-key platform.pub --subject "Example Platform" \
  --role boot.loader --role boot.decryptor --role boot.firmware --scope com.example. -o platform.chain
"$husk" certify --key boot-root.pem --subject-key vendor.pub --subject "Example Vendor" \
  --role module --role grant --scope com.example. -o vendor.chain

echo "Platform owner: signs bootloader, decryptor and the integrator's firmware"
stage() { "$husk" pack "$2" --role "boot.$1" --name "com.example.$1" --version 1.0.0 \
  --key platform.pem --chain platform.chain -o "$1.husk"; }
stage loader "$sdk/stages/bootloader"
stage decryptor "$sdk/stages/decryptor"
stage firmware "$samples/firmware"

echo "Vendor: packs an audio codec and an activity classifier, once for all devices"
"$husk" vault create vendor.vault --vault-key vendor.key
for module in adpcm activity; do
  "$husk" pack "$samples/com.example.$module.so" --name "com.example.$module" --version 1.0.0 \
    --vault vendor.vault --vault-key vendor.key --key vendor.pem --chain vendor.chain -o "$module.husk"
done

new_device() {
  device create "$1" --rom "$sdk/stages/bootrom" --boot-root boot-root.pub --device-root-key device-root.pem
  device install "$1" loader.husk decryptor.husk firmware.husk adpcm.husk activity.husk
}
echo "Vendor: says which silicon and secure world are trusted"
"$husk" vault trust add vendor.vault --vault-key vendor.key --device-root device-root.pub --boot-root boot-root.pub \
  --stage loader.husk --stage decryptor.husk
echo "Factory: makes device A, which tells its identity; the vendor grants it both modules"
new_device A
device identity A -o A.identity
id=$("$husk" device add vendor.vault A.identity --vault-key vendor.key | cut -d' ' -f1)
for module in adpcm activity; do
  "$husk" grant --vault vendor.vault --vault-key vendor.key --key vendor.pem --chain vendor.chain \
    --module "com.example.$module" --device "$id" -o "$module.grant"
done
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
new_device B
device install B adpcm.grant activity.grant
refused device boot B -- roundtrip "$scratch/melody.wav" 2>&1
echo "Device A with one flipped byte in the codec's package:"
as_root python3 - <<'END'
path = "A/flash/modules/com.example.adpcm.husk"
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
