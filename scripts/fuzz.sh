#!/usr/bin/env bash
# Fuzzes what reads hostile input, guided by coverage, under AddressSanitizer (SPEC 13.4). Prints for each target the
# runs, the edges of the code that they reached, and what was found. Fails if anything was.
#
#   scripts/fuzz.sh [TARGET [SECONDS]]      TARGET: one, or all (which is the default); SECONDS: 60 by default
#   scripts/fuzz.sh --smoke                 all, for a number of runs instead of a time: the same ones each time
#   scripts/fuzz.sh --keep [TARGET]         puts what reached code that nothing else does into Tests/Fuzz/Corpora
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

build="$root/.build-fuzz"
fuzzer="$build/release/husk-fuzz"
# Of one target in --smoke, those of the seeds included.
smoke_runs=2500

"$root/scripts/setup.sh"
say "Building what is fuzzed"
# The package then has no dependencies; Package.resolved stays what it is for everything else.
HUSK_FUZZ=1 quietly swift build --package-path "$root" --scratch-path "$build" --disable-automatic-resolution \
  -c release --product husk-fuzz --sanitize fuzzer -Xswiftc -sanitize=address,fuzzer -Xcc -fsanitize=address \
  -Xswiftc -enable-testing -Xswiftc -use-ld=lld

mapfile -t targets < <("$fuzzer" --targets)
mode=time
seconds=60
case ${1:-all} in
  --smoke | --keep)
    mode=${1#--}
    shift
    ;;
esac
[ "${1:-all}" = all ] || targets=("$1")
[ "$mode" != time ] || seconds=${2:-60}

# Swift's own report of a crash would come in the way of libFuzzer's; sets must be the same in every run.
export SWIFT_BACKTRACE=enable=no SWIFT_DETERMINISTIC_HASHING=1
# A process that has freed much isn't one that takes much.
export ASAN_OPTIONS=quarantine_size_mb=32

# Runs a target with libFuzzer's arguments.
run() { HUSK_FUZZ_SEEDS="$build/seeds/$1" "$fuzzer" "$@"; }

# What of a target there is to begin with: the vectors, and what earlier fuzzing found beyond them.
begin_with() {
  rm -rf "$build/seeds/$1"
  "$fuzzer" --seeds "$1" "$root/Tests/Vectors" "$build/seeds/$1"
  beginning=("$build/seeds/$1")
  [ ! -d "$root/Tests/Fuzz/Corpora/$1" ] || beginning+=("$root/Tests/Fuzz/Corpora/$1")
}

# Fuzzes a target; the other arguments say for how long, and where to put what reaches new code.
fuzz() {
  local target=$1 finds="$build/finds/$1" log="$build/logs/$1"
  shift
  mkdir -p "$finds" "$build/logs"
  local outcome=0
  run "$target" -print_final_stats=1 -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=128 -reload=0 \
    -artifact_prefix="$finds/" "$@" "${beginning[@]}" >"$log" 2>&1 || outcome=$?
  local edges runs inputs
  edges=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
  inputs=$(sed -n 's/.* corp: \([0-9]*\)\/.*/\1/p' "$log" | tail -n 1)
  runs=$(sed -n 's/^stat::number_of_executed_units: //p' "$log")
  printf '%-12s %10s runs  %5s edges  %5s inputs that differ in what they reach' "$target" "${runs:-?}" "${edges:-?}" \
    "${inputs:-?}"
  if [ $outcome -eq 0 ]; then
    printf '  nothing found\n'
  else
    printf '  FOUND SOMETHING\n'
    failed=1
    grep -E 'Fatal error|^SUMMARY|ERROR: ' "$log" | sed 's/^/  /' || true
    sed -n 's/.*Test unit written to \(.*\)/\1/p' "$log" | while IFS= read -r file; do
      printf '  again: SWIFT_BACKTRACE=enable=no %s %s %s\n' "$fuzzer" "$target" "$file"
    done
    printf '  all that was said: %s\n' "$log"
  fi
}

# Adds to the corpus in the tree what was found by fuzzing, and reaches edges that nothing there does.
keep() {
  local grown="$build/corpus/$1" all="$build/merged/$1" file
  [ -d "$grown" ] || return 0
  rm -rf "$all"
  mkdir -p "$all"
  for file in "${beginning[@]}"; do find "$file" -type f -exec cp -t "$all" {} +; done
  local before
  before=$(cd "$all" && ls)
  quietly run "$1" -set_cover_merge=1 -use_counters=0 -timeout=10 "$all" "$grown"
  comm -13 <(sort <<<"$before") <(cd "$all" && ls | sort) | while IFS= read -r file; do
    mkdir -p "$root/Tests/Fuzz/Corpora/$1"
    cp "$all/$file" "$root/Tests/Fuzz/Corpora/$1/"
    printf '%-12s kept %s\n' "$1" "$file"
  done
}

failed=0
for target in "${targets[@]}"; do
  begin_with "$target"
  case $mode in
    smoke)
      rm -rf "$build/smoke/$target"
      mkdir -p "$build/smoke/$target"
      fuzz "$target" -runs="$smoke_runs" -seed=1 "$build/smoke/$target"
      ;;
    keep) keep "$target" ;;
    time)
      mkdir -p "$build/corpus/$target"
      fuzz "$target" -max_total_time="$seconds" "$build/corpus/$target"
      ;;
  esac
done
exit $failed
