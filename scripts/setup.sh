#!/usr/bin/env bash
# Installs what Husk needs from Debian, quietly; does nothing when it is all there.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

packages=(libssl-dev liblz4-dev libsqlite3-dev zlib1g-dev pkg-config make gcc g++ libc6-dev binutils
  openssl lz4 python3 python3-venv strace gdb procps util-linux systemd liblz4-1 libsqlite3-0 libssl3
  gcc-aarch64-linux-gnu g++-aarch64-linux-gnu binutils-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static cmake
  qemu-system-x86 qemu-system-arm cpio debian-archive-keyring)

type -P swift >/dev/null || die "a Swift 6.3 toolchain is needed: see https://swift.org/install"

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null || true)
  [ "${status:0:2}" = ii ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

say "Installing from Debian: ${missing[*]}"
quietly as_root apt-get update
quietly as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"
