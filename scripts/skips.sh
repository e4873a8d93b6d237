#!/usr/bin/env bash
# Skips each instruction of the stages and of libhusk that could matter (SPEC 15.4), not only the part that the tests take.
#
#   scripts/skips.sh [ARGUMENTS OF swift test]      for example: scripts/skips.sh --filter LoadTests
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

[ "$(uname -m)" = x86_64 ] || die "instructions are skipped in programs for x86-64 only"
make_scratch
build_device_side
quietly swift build --package-path "$root" --build-tests
as_root env PATH="$PATH" HOME="$HOME" TMPDIR="$scratch" CI=true HUSK_SDK="$sdk" HUSK_SAMPLES="$samples" HUSK_SKIPS=1 \
  swift test --package-path "$root" --skip-build --filter SkippedCheckTests "$@"
