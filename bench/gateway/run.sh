#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh [relay_bench.py's flags]: the relay figures of docs/performance.md, from the release build.
set -eu
cd "$(dirname "$0")/../.."
cmake --preset release >/dev/null
ninja -C build/release llmd sse_load >/dev/null
exec python3 bench/gateway/relay_bench.py build/release "$@"
