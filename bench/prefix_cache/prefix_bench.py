#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Time to first token with and without a cached prefix, through the gateway and two real engines.

  prefix_bench.py LLMD MODEL_DIR [--rounds 8] [--tokens 2000]

Each round makes a new random prefix of that many tokens and sends it twice, with different tails.
The second request must land on the engine that holds the prefix (the gateway's choice) and be
served from its cache; the ratio of the two times to the first token is the figure. Wall time, but
of the same work on the same machine milliseconds apart, so the ratio stands.
"""
import argparse
import contextlib
import http.client
import json
import random
import re
import statistics
import subprocess
import time


def start(command, role, stack):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    stack.callback(process.wait, 20)
    stack.callback(process.terminate)
    for line in process.stdout:
        if found := re.match(rf"llmd ready {role} http://127.0.0.1:(\d+)", line):
            return int(found[1])
    raise SystemExit(f"{command} ended before it was ready")


def wait_until_ready(port):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/ready")
        if connection.getresponse().status == 200:
            return
        time.sleep(0.05)
    raise SystemExit("the gateway did not become ready")


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
    parser.add_argument("llmd")
    parser.add_argument("model")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=2000)
    args = parser.parse_args()
    with contextlib.ExitStack() as stack:
        engines = [start([args.llmd, "engine", "--model", args.model, "--served-model-name", "m", "--port", "0"],
                         "engine", stack) for _ in range(2)]
        gateway = start([args.llmd, "gateway", "--port", "0",
                         *(f"--endpoint=http://127.0.0.1:{port}" for port in engines)], "gateway", stack)
        wait_until_ready(gateway)
        generator = random.Random(7)
        rows = []
        for _ in range(args.rounds):
            prefix = [generator.randrange(10, 250) for _ in range(args.tokens)]
            cold, _ = first_token_seconds(gateway, "m", prefix + [20, 21, 22])
            warm, cached = first_token_seconds(gateway, "m", prefix + [30, 31, 32])
            rows.append((cold, warm, cached))
    ratios = sorted(warm / cold for cold, warm, _ in rows)
    print(f"first token after {args.tokens} new tokens {statistics.median(r[0] for r in rows) * 1e3:.1f} ms, "
          f"with the prefix cached {statistics.median(r[1] for r in rows) * 1e3:.1f} ms "
          f"({statistics.median(r[2] for r in rows):.0f} tokens cached)")
    print(f"ratio {statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f}), goal 0.25 or less")


main()
