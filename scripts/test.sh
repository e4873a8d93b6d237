#!/usr/bin/env bash
# Sets up, builds for host and device, and runs all tests. The last line is `N passed, N failed, N skipped`.
#
#   scripts/test.sh [--sanitize address|thread] [ARGUMENTS OF swift test]
#                                                  for example: scripts/test.sh --filter CBORTests
#
# With a sanitizer, the tools and tests are built with it, C and Swift, in a folder of their own. What ships on devices
# isn't: tests run its sources inside themselves, and its files as they are. Tests that can't work with a sanitizer are
# skipped, and say why.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$root/scripts/debian.sh"

usage() { die "usage: test.sh [--sanitize address|thread] [ARGUMENTS OF swift test]"; }

build=(--package-path "$root")
sanitizer=
if [ "${1:-}" = --sanitize ]; then
  sanitizer=${2:-}
  case $sanitizer in address | thread) ;; *) usage ;; esac
  build+=(--sanitize "$sanitizer" --scratch-path "$root/.build-$sanitizer")
  shift 2
fi

"$root/scripts/setup.sh"
make_scratch

say "Building what ships on devices, and the samples"
build_device_side aarch64
sdk_aarch64=$sdk samples_aarch64=$samples
build_device_side

for architecture in x86_64 aarch64; do unpack_board "$architecture" "$root/.build-board/$architecture"; done
"$root/scripts/interop.sh"

say "Building the tests"
quietly swift build "${build[@]}" --build-tests

log="$scratch/log"
outcome=0
run=(swift test "${build[@]}" --skip-build)
if [ -n "$sanitizer" ]; then
  # A report of any process counts, whatever its test makes of how it ended. Tests run programs as other users, too.
  reports="$scratch/reports"
  mkdir -m 1777 "$reports"
  options="log_path=$reports/report"
  # Swift's own report of a crash would come in the way, and reads stacks in ways that AddressSanitizer doesn't take. No
  # test is XCTest's, which leaks its own empty suite.
  run=(env ASAN_OPTIONS="$options"
    LSAN_OPTIONS="print_suppressions=0:suppressions='$root/Tests/leak-sanitizer.supp'"
    TSAN_OPTIONS="$options:print_suppressions=0:suppressions='$root/Tests/thread-sanitizer.supp'"
    SWIFT_BACKTRACE=enable=no "${run[@]}" --disable-xctest)
fi
# Tests that boot devices need root: the mock ROM gives each stage a user of its own.
as_root env PATH="$PATH" HOME="$HOME" TMPDIR="$scratch" CI="${CI:-}" \
  HUSK_VECTORS="${HUSK_VECTORS:-$root/../shared/vectors}" HUSK_SDK="$sdk" HUSK_SAMPLES="$samples" \
  HUSK_SDK_AARCH64="$sdk_aarch64" HUSK_SAMPLES_AARCH64="$samples_aarch64" \
  "${run[@]}" --xunit-output "$scratch/results.xml" "$@" >"$log" 2>&1 || outcome=$?
grep -E '^(vectors|power cuts|killed processes): ' "$log" | sort -u || true
awk -F ': |, ' '/^power cuts: / { points += $3; failures += $4 }
  END { if (points) printf "power cuts: %d interruption points, %d failures\n", points, failures }' "$log"
# What went wrong is told in whole: an issue's text goes on until the next line of the runner's own.
awk '/^(◇|✔|➜)/ { told = 0 } /^✘|: error: / { told = 1 } told || /skipped/' "$log"
[ $outcome -eq 0 ] || tail -n 40 "$log"
if [ -n "$sanitizer" ] && compgen -G "$reports/*" >/dev/null; then
  cat "$reports"/*
  outcome=1
fi

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
