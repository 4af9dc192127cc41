#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh FOLDER…: runs the process tests of those folders under npm's own Node.
# LLMD_BIN, LLMD_BUILD and LLMD_MODEL say what to test; by default the release build.
set -eu
cd "$(dirname "$0")"
root=$(cd ../.. && pwd)
: "${LLMD_BUILD:=$root/build/release}"
: "${LLMD_BIN:=$LLMD_BUILD/llmd}"
: "${LLMD_MODEL:=$root/build/models/tiny-random}"
export LLMD_BIN LLMD_BUILD LLMD_MODEL
for folder in "$@"; do
  node_modules/.bin/node --test --test-reporter=spec "$folder"/*.test.mjs
done
