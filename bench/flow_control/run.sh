#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# What flow control keeps of the service under overload, in virtual time: overload.py says more.
# `run.sh [SEEDS]`, 3 unless given; about 30 seconds for each.
set -eu
cd "$(dirname "$0")/../.."
[ -x build/release/llmd ] || { echo "build first: make" >&2; exit 1; }
exec python3 bench/flow_control/overload.py "$@"
