#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh [compare.py's flags]: the engine beside llama.cpp, for the default model and a random 135M
# Llama shape.
set -eu
cd "$(dirname "$0")/../.."
cmake --preset release >/dev/null
ninja -C build/release engine_speed >/dev/null
shape=build/models/llama-135m-random
[ -d "$shape" ] || python3 tools/make_random_model.py llama-135m-random "$shape"
for model in models/llmd-tiny "$shape"; do
  python3 bench/engine/compare.py build/release/src/engine/model/engine_speed "$model" "$@"
done
