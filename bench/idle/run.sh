#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh [idle_bench.py's flags]: what watching 100 endpoints costs the gateway, from the release build.
set -eu
cd "$(dirname "$0")/../.."
cmake --preset release >/dev/null
ninja -C build/release llmd >/dev/null
exec python3 bench/idle/idle_bench.py build/release "$@"
