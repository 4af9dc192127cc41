#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What is too slow for every change. Runs after tests/run.sh has prepared the release build; goes on
# after a failure, so that one night tells everything, and ends with a table.
set -u
cd "$(dirname "$0")/.."
jobs=$(nproc)
: "${FUZZ_SECONDS:=60}"
: "${SOAK_SECONDS:=300}"
# Only the thread sanitizer reads it.
export TSAN_OPTIONS="suppressions=$PWD/tests/thread_sanitizer.supp"
results=""
failed=0

step() {  # step NAME COMMAND…
  name=$1
  shift
  printf '\n== %s\n' "$name"
  start=$(date +%s)
  if "$@"; then verdict=passed; else verdict=FAILED; failed=$((failed + 1)); fi
  results="$results$(printf '%-34s %-7s %6s s' "$name" "$verdict" "$(($(date +%s) - start))")
"
}

build() {  # build PRESET [TARGET…]
  preset=$1
  shift
  cmake --preset "$preset" >"build/$preset.configure.log" && ninja -C "build/$preset" "$@"
}
checks() { ctest --test-dir "build/$1" --output-on-failure --no-tests=error -j "$jobs" -LE style; }

fuzz_all() {
  build fuzz fuzz_targets || return 1
  bad=0
  for target in $(find build/fuzz/src -name '*_fuzz' -type f -perm -u+x); do
    source=$(find src -name "$(basename "$target").cc")
    corpus="${source%_fuzz.cc}_corpus"
    work=$(mktemp -d)
    printf '%s ' "$(basename "$target")"
    if "$target" -max_total_time="$FUZZ_SECONDS" -rss_limit_mb=2048 -timeout=10 -close_fd_mask=3 \
      -artifact_prefix="build/fuzz/" -print_final_stats=1 "$work" "$corpus" >"build/fuzz/$(basename "$target").log" 2>&1; then
      echo ok
    else
      echo FOUND A CRASH, see build/fuzz
      bad=1
    fi
    rm -rf "$work"
  done
  return $bad
}

soak() {
  (cd tests/js && LLMD_BIN="$PWD/../../build/release/llmd" LLMD_MODEL="$PWD/../../build/models/tiny-random" \
    node_modules/.bin/node soak/soak.mjs "$SOAK_SECONDS")
}

step "release: every test" ctest --test-dir build/release --output-on-failure --no-tests=error -j "$jobs"
step "soak, $SOAK_SECONDS s" soak
step "address sanitizer: build" build asan
step "address sanitizer: whole cluster" checks asan
step "thread sanitizer: build" build tsan
step "thread sanitizer: whole cluster" checks tsan
step "fuzzing, $FUZZ_SECONDS s a target" fuzz_all
for bench in bench/*/run.sh; do
  [ -x "$bench" ] && step "benchmark $(basename "$(dirname "$bench")")" "$bench"
done

printf '\n%s' "$results"
exit "$failed"
