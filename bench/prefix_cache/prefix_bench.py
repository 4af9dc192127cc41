#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Time to first token with and without a cached prefix, through the gateway and two real engines.

  prefix_bench.py BUILD_DIR MODEL_DIR [--rounds 8] [--tokens 2000]

Each round makes a new random prefix of that many tokens and sends it twice, with different tails.
The second request must land on the engine that holds the prefix (the gateway's choice) and be
served from its cache; the ratio of the two times to the first token is the figure. Wall time, but
of the same work on the same machine milliseconds apart, so the ratio stands.
"""
import argparse
import contextlib
import http.client
import json
import pathlib
import random
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import start_gateway, start_llmd  # noqa: E402


def first_token_seconds(port, model, tokens):
    """Returns (seconds to the first token, cached prompt tokens)."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    body = json.dumps({"model": model, "prompt": tokens, "max_tokens": 4, "temperature": 0, "stream": True,
                       "ignore_eos": True, "stream_options": {"include_usage": True}})
    start_time = time.monotonic()
    connection.request("POST", "/v1/completions", body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    first = None
    usage = None
    for line in response:
        if line.startswith(b"data: {"):
            first = first or time.monotonic() - start_time
            usage = json.loads(line[6:]).get("usage") or usage
    return first, usage["prompt_tokens_details"]["cached_tokens"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("model")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=2000)
    args = parser.parse_args()
    with contextlib.ExitStack() as stack:
        engines = [start_llmd(stack, args.build, "engine", "--model", args.model, "--served-model-name", "m")
                   for _ in range(2)]
        gateway = start_gateway(stack, args.build, [engine.port for engine in engines])
        generator = random.Random(7)
        rows = []
        for _ in range(args.rounds):
            prefix = [generator.randrange(10, 250) for _ in range(args.tokens)]
            cold, _ = first_token_seconds(gateway.port, "m", prefix + [20, 21, 22])
            warm, cached = first_token_seconds(gateway.port, "m", prefix + [30, 31, 32])
            rows.append((cold, warm, cached))
    ratios = sorted(warm / cold for cold, warm, _ in rows)
    print(f"first token after {args.tokens} new tokens {statistics.median(r[0] for r in rows) * 1e3:.1f} ms, "
          f"with the prefix cached {statistics.median(r[1] for r in rows) * 1e3:.1f} ms "
          f"({statistics.median(r[2] for r in rows):.0f} tokens cached)")
    print(f"ratio {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f}), goal 0.25 or less")


main()
