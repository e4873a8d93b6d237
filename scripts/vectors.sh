#!/usr/bin/env bash
# Compares the vectors in Tests/Vectors with what their catalogue (Tests/FormatVectors) makes, or writes them anew.
#
#   scripts/vectors.sh [--write]
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case "${1:-}" in
  "") writes=0 ;;
  --write) writes=1 ;;
  *) die "usage: $(basename "$0") [--write]" ;;
esac

quietly swift build --package-path "$root" --build-tests
HUSK_WRITE_VECTORS=$writes quietly swift test --package-path "$root" --skip-build --filter VectorTests.FileTests
