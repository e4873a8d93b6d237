#!/usr/bin/env bash
# Sets up, builds for host and device, and runs all tests. The last line is `N passed, N failed, N skipped`.
#
#   scripts/test.sh [ARGUMENTS OF swift test]      for example: scripts/test.sh --filter CBORTests
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$root/scripts/debian.sh"

"$root/scripts/setup.sh"
make_scratch

say "Building what ships on devices, and the samples"
build_device_side aarch64
sdk_aarch64=$sdk samples_aarch64=$samples
build_device_side

for architecture in x86_64 aarch64; do unpack_board "$architecture" "$root/.build-board/$architecture"; done
"$root/scripts/interop.sh"

say "Building the tests"
quietly swift build --package-path "$root" --build-tests

log="$scratch/log"
outcome=0
# Tests that boot devices need root: the mock ROM gives each stage a user of its own.
as_root env PATH="$PATH" HOME="$HOME" TMPDIR="$scratch" CI="${CI:-}" \
  HUSK_VECTORS="${HUSK_VECTORS:-$root/../shared/vectors}" HUSK_SDK="$sdk" HUSK_SAMPLES="$samples" \
  HUSK_SDK_AARCH64="$sdk_aarch64" HUSK_SAMPLES_AARCH64="$samples_aarch64" \
  swift test --package-path "$root" --skip-build --xunit-output "$scratch/results.xml" "$@" >"$log" 2>&1 || outcome=$?
grep -E '^(vectors|power cuts|killed processes): ' "$log" | sort -u || true
awk -F ': |, ' '/^power cuts: / { points += $3; failures += $4 }
  END { if (points) printf "power cuts: %d interruption points, %d failures\n", points, failures }' "$log"
# What went wrong is told in whole: an issue's text goes on until the next line of the runner's own.
awk '/^(◇|✔|➜)/ { told = 0 } /^✘|: error: / { told = 1 } told || /skipped/' "$log"
[ $outcome -eq 0 ] || tail -n 40 "$log"

python3 - "$scratch" "$outcome" <<'END'
import glob, sys
import xml.etree.ElementTree as xml

folder, outcome = sys.argv[1], int(sys.argv[2])
total = failed = skipped = 0
for path in glob.glob(folder + "/results*.xml"):
    for case in xml.parse(path).iter("testcase"):
        total += 1
        failed += case.find("failure") is not None
        skipped += case.find("skipped") is not None
if outcome != 0 and failed == 0:
    print("the test run itself ended with status", outcome)
    failed = 1
print(f"{max(total - failed - skipped, 0)} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed or total == 0 else 0)
END
