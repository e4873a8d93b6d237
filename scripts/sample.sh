# The sample vendor and device that the demonstration and the emulated board share, step by step. For scripts that have
# sourced lib.sh; everything is made in the current folder, with the tool `husk` and the builds in `sdk` and `samples`.

# Builds `husk`, and sets `husk`, `sdk` and `samples`.
build_sample() {
  quietly build_device_side "$@"
  quietly swift build --package-path "$root" -c release --product husk
  husk=$(swift build --package-path "$root" -c release --show-bin-path)/husk
}

certify_sample_keys() {
  local key
  for key in boot-root device-root platform vendor; do "$husk" keygen -o $key.pem; done
  "$husk" certify --key boot-root.pem --subject-key platform.pub --subject "Example Platform" \
    --role boot.loader --role boot.decryptor --role boot.firmware --scope com.example. -o platform.chain
  "$husk" certify --key boot-root.pem --subject-key vendor.pub --subject "Example Vendor" \
    --role module --role grant --scope com.example. --depth 1 -o vendor.chain
}

sign_sample_stages() {
  sign_stage loader "$sdk/stages/bootloader"
  sign_stage decryptor "$sdk/stages/decryptor"
  sign_stage firmware "$samples/firmware"
}

sign_stage() {
  "$husk" pack "$2" --role "boot.$1" --name "com.example.$1" --version 1.0.0 \
    --key platform.pem --chain platform.chain -o "$1.husk"
}

pack_sample_modules() {
  local module
  "$husk" vault create vendor.vault --vault-key vendor.key
  for module in adpcm activity; do
    "$husk" pack "$samples/com.example.$module.so" --name "com.example.$module" --version 1.0.0 \
      --vault vendor.vault --vault-key vendor.key --key vendor.pem --chain vendor.chain -o "$module.husk"
  done
}

trust_sample_platform() {
  "$husk" vault trust add vendor.vault --vault-key vendor.key --device-root device-root.pub --boot-root boot-root.pub \
    --stage loader.husk --stage decryptor.husk
}

# make_sample_device DIRECTORY
make_sample_device() {
  "$husk" sim create "$1" --rom "$sdk/stages/bootrom" --boot-root boot-root.pub --device-root-key device-root.pem
  "$husk" sim install "$1" loader.husk decryptor.husk firmware.husk adpcm.husk activity.husk
}

# grant_sample_modules IDENTITY
grant_sample_modules() {
  local module id
  id=$("$husk" device add vendor.vault "$1" --vault-key vendor.key | cut -d' ' -f1)
  for module in adpcm activity; do
    "$husk" grant --vault vendor.vault --vault-key vendor.key --key vendor.pem --chain vendor.chain \
      --module "com.example.$module" --device "$id" -o "$module.grant"
  done
}
