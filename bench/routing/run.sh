#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# `run.sh [SEEDS] [TRACES_FOLDER] [COLUMN...]`: see table.py.
exec python3 "$(dirname "$0")/table.py" "$@"
