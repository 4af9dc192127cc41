#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh: the prefix caching figure of docs/performance.md, with the default model.
set -eu
cd "$(dirname "$0")/../.."
cmake --preset release >/dev/null
ninja -C build/release llmd >/dev/null
exec python3 bench/prefix_cache/prefix_bench.py build/release models/llmd-tiny "$@"
