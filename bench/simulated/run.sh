#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh [stream_bench.py's flags]: the CPU figures of simulated engines in docs/performance.md.
set -eu
cd "$(dirname "$0")/../.."
cmake --preset release >/dev/null
ninja -C build/release llmd sse_load engine_simulated_bench >/dev/null
build/release/src/engine/simulated/engine_simulated_bench
exec python3 bench/simulated/stream_bench.py build/release "$@"
