#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh [sizing_bench.py's flags]: upstream's sizing point, from the release build; about 8 minutes.
set -eu
cd "$(dirname "$0")/../.."
cmake --preset release >/dev/null
ninja -C build/release llmd >/dev/null
exec python3 bench/sizing/sizing_bench.py build/release "$@"
