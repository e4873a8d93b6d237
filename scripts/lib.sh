# Shared by the scripts: sourced, not run.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*" >&2; }

die() {
  say "$(basename "$0"): $*"
  exit 1
}

# Runs a command as root: directly, or through sudo.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -- "$@"; fi
}

# Runs a command quietly; shows what it said only if it failed.
quietly() {
  local log
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

# Runs the toolchain. Its package manager leaves a temporary folder behind each time: that goes, too.
swift() {
  local folder outcome=0
  folder=$(mktemp -d)
  TMPDIR="$folder" command swift "$@" || outcome=$?
  rm -rf "$folder"
  return $outcome
}

# Builds what ships on devices of an architecture (default: this machine's) into `sdk`, and the samples into `samples`.
build_device_side() {
  local architecture=${1:-$(uname -m)}
  sdk="$root/.build-sdk/$architecture"
  samples="$root/.build-samples/$architecture"
  "$root/scripts/build-device.sh" "$architecture" "$sdk"
  quietly make -C "$root/Samples" OUT="$samples" CC="$architecture-linux-gnu-gcc" HUSK="$sdk" modules firmware
}

# Sets `scratch` to a temporary folder that everybody may enter and that goes away with the script.
make_scratch() {
  scratch=$(mktemp -d "${TMPDIR:-/tmp}/husk.XXXXXX")
  chmod 755 "$scratch"
  trap 'as_root rm -rf "$scratch"' EXIT
}
