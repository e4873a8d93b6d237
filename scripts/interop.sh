#!/usr/bin/env bash
# Makes the virtual environment of the second implementation (Tests/Interop) in .build-interop, and runs that with the
# arguments given, if any.
#
#   scripts/interop.sh [ARGUMENTS]                 for example: scripts/interop.sh verify codec.husk --root boot-root.pub
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

environment="$root/.build-interop"
wanted=$(cat "$root/Tests/Interop/requirements.txt" && python3 --version)

if [ "$(cat "$environment/made-with" 2>/dev/null)" != "$wanted" ]; then
  say "Fetching from PyPI what Tests/Interop uses"
  rm -rf "$environment"
  quietly python3 -m venv "$environment"
  quietly "$environment/bin/pip" install --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
    -r "$root/Tests/Interop/requirements.txt"
  printf '%s\n' "$wanted" >"$environment/made-with"
fi
[ $# -eq 0 ] || PYTHONPATH="$root/Tests/Interop" exec "$environment/bin/python" -B -m interop "$@"
