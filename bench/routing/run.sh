#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# How well requests are placed: other systems' rules, our gateway, and the best placement that could
# be found, on 8 simulated Qwen3-32B endpoints in virtual time. `run.sh [SEEDS]`, 10 unless given;
# about 2 minutes for each.
set -eu
cd "$(dirname "$0")/../.."
llmd=build/release/llmd
[ -x "$llmd" ] || { echo "build first: make" >&2; exit 1; }
exec "$llmd" bench compare round-robin least-connections gateway best-found --virtual \
  --profile qwen3-32b-tp2-h100 --endpoints 8 --slo ttft=2,tpot=0.1 --repeats "${1:-10}" \
  -c bench/routing/optimized_baseline.yml
