#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh check|test|nightly: the three test commands of the Makefile. Packages are installed already.
set -eu
cd "$(dirname "$0")/.."
jobs=$(nproc)

say() { printf '\n== %s\n' "$*"; }

build() {  # build PRESET [TARGET…]: configure (cheap when nothing changed) and build
  preset=$1
  shift
  cmake --preset "$preset" >"build/$preset.configure.log" 2>&1 || { cat "build/$preset.configure.log"; exit 1; }
  ninja -C "build/$preset" "$@"
}

prepare() {
  mkdir -p build/models
  if [ ! -d tests/js/node_modules ] || [ tests/js/package-lock.json -nt tests/js/node_modules ]; then
    say "JavaScript dependencies"
    # Not `npm ci`: it insists on platform packages of other systems that a registry may lack. The
    # lock file holds all the same. node-llama-cpp's CPU build is a dependency of its own.
    (cd tests/js && NODE_LLAMA_CPP_SKIP_DOWNLOAD=true npm install --no-save && touch node_modules)
  fi
  say "release build"
  build release
  for shape in tiny-random qwen3-random llama3-random; do
    [ -d "build/models/$shape" ] || python3 tools/make_random_model.py "$shape" "build/models/$shape"
  done
}

run_ctest() {  # run_ctest PRESET ARGS…
  preset=$1
  shift
  ctest --test-dir "build/$preset" --output-on-failure --no-tests=error -j "$jobs" "$@"
}

prepare
case ${1:?check, test or nightly} in
  check)
    say "quick tests"
    run_ctest release -LE slow
    ;;
  test)
    say "all tests"
    run_ctest release
    say "address sanitizer build and unit tests"
    build asan unit_tests
    run_ctest asan -L unit
    ;;
  nightly)
    exec tests/nightly.sh
    ;;
esac
