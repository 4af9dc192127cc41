#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh [load_bench.py's flags]: what `llmd bench` itself costs, for docs/performance.md.
set -eu
cd "$(dirname "$0")/../.."
cmake --preset release >/dev/null
ninja -C build/release llmd sse_load >/dev/null
exec python3 bench/load_tool/load_bench.py build/release "$@"
