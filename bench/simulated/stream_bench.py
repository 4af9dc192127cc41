#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a streamed token of a simulated engine costs, against a bare loop that writes the same bytes.

  stream_bench.py BUILD_DIR [--rounds 5] [--seconds 4] [--idle-seconds 10]

CPU time (/proc/PID/task/*/schedstat) per event: `llmd engine --simulated` with a step every
4 ms, and `sse_load origin`, a loop that writes one event of the same size to every connection every
4 ms; interleaved, medians and the median of the per-round ratios with their range. Then the CPU
that 100 engines in one process take with nothing to do.
"""
import argparse
import contextlib
import json
import pathlib
import socket
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import Process, start_engines  # noqa: E402

BODY = json.dumps({"model": "m", "stream": True, "messages": [{"role": "user", "content": "hi"}]})


def event_bytes(port):
    """The size of one streamed event."""
    with socket.create_connection(("127.0.0.1", port), 5) as s:
        s.sendall(f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}".encode())
        seen = b""
        while seen.count(b"data: ") < 4:
            seen += s.recv(65536)
        return int(seen.split(b"\r\n\r\n", 1)[1].split(b"\r\n")[4], 16)


def one_round(load, process, streams, seconds):
    before = process.cpu_seconds()
    out = subprocess.run([load, "client", str(process.port), str(streams), str(seconds)], capture_output=True, text=True,
                         check=True).stdout
    events = int(out.split()[0])
    return (process.cpu_seconds() - before) / events * 1e6, events / seconds


def compare(load, engine, loop, streams, args):
    costs, ratios, rates = {"engine": [], "loop": []}, [], []
    for number in range(args.rounds + 1):
        mine, rate = one_round(load, engine, streams, args.seconds)
        bare, bare_rate = one_round(load, loop, streams, args.seconds)
        if number == 0:
            continue  # warm-up
        costs["engine"].append(mine)
        costs["loop"].append(bare)
        ratios.append(mine / bare)
        rates.append((rate, bare_rate))
    print(f"{streams} streams: engine {statistics.median(costs['engine']):.2f} us, bare loop "
          f"{statistics.median(costs['loop']):.2f} us per event; {statistics.median(ratios):.2f} x "
          f"({min(ratios):.2f} to {max(ratios):.2f}); events/s {statistics.median(r[0] for r in rates):.0f} and "
          f"{statistics.median(r[1] for r in rates):.0f}", flush=True)


def idle(build, seconds):
    with contextlib.ExitStack() as stack:
        engines = start_engines(stack, build, 100)
        before = engines.cpu_seconds()
        time.sleep(seconds)
        used = (engines.cpu_seconds() - before) / seconds
        print(f"100 idle engines: {used:.4f} cores over {seconds} s, {engines.memory_mib():.0f} MiB resident")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--idle-seconds", type=int, default=10)
    args = parser.parse_args()
    load = str(args.build / "bench" / "sse_load")
    with contextlib.ExitStack() as stack:
        engine = start_engines(stack, args.build, 1, "--served-model-name", "m", "--alpha-ms", "4", "--beta-ms", "0",
                               "--gamma-ms", "0", "--output-length", "100000")
        size = event_bytes(engine.port)
        origin = Process(stack, "bare loop", [load, "origin", size])
        origin.ports = [int(origin.popen.stdout.readline())]
        print(f"events of {size} bytes, one every 4 ms on each stream", flush=True)
        for streams in (16, 64, 256):
            compare(load, engine, origin, streams, args)
    idle(args.build, args.idle_seconds)


main()
