#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the gateway's whole path costs, against nginx and HAProxy relaying the same bytes blindly.

  relay_bench.py BUILD_DIR [--rounds 5] [--seconds 4] [--only 1kb,220kb,sse]

CPU time (/proc/PID/task/*/schedstat) per request or per relayed event, one worker each,
the three interleaved A B C A B C …; printed are the medians, and the median of the per-round
ratios to nginx with their range. A round with an error or a wrong status is void.
"""
import argparse
import contextlib
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import free_port, start_gateway, start_listening, start_nginx, start_nginx_relay  # noqa: E402

ANSWER = json.dumps({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
                     "choices": [{"index": 0, "finish_reason": "stop",
                                  "message": {"role": "assistant", "content": "answer " * 100}}],
                     "usage": {"prompt_tokens": 200, "completion_tokens": 100, "total_tokens": 300}})
MODELS = json.dumps({"object": "list", "data": [{"id": "m", "object": "model"}]})


def start_origin(stack, folder):
    port = free_port()
    return start_nginx(stack, folder, port, f"""server {{ listen 127.0.0.1:{port} backlog=1024;
      default_type application/json;
      location /v1/models {{ return 200 '{MODELS}'; }}
      location /metrics {{ default_type text/plain; return 200 'vllm:num_requests_running 0\\n'; }}
      location /health {{ return 200 ''; }}
      location / {{ return 200 '{ANSWER}'; }} }}""")


def start_haproxy(stack, folder, origin_port):
    port = free_port()
    config = folder / f"haproxy-{origin_port}.cfg"
    config.write_text(f"""global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend f
  bind 127.0.0.1:{port}
  default_backend b
backend b
  server s 127.0.0.1:{origin_port}
""")
    return start_listening(stack, "haproxy", ["haproxy", "-f", config, "-db"], port)


def start_proxies(stack, folder, build, origin_port):
    return [start_gateway(stack, build, [origin_port]), start_nginx_relay(stack, folder, [origin_port]),
            start_haproxy(stack, folder, origin_port)]


def wrk_round(folder, proxy, body, connections, seconds):
    script = folder / "post.lua"
    if not (folder / f"{len(body)}.json").exists():
        (folder / f"{len(body)}.json").write_text(body)
    script.write_text(f"""local f = io.open("{folder}/{len(body)}.json"); wrk.method = "POST"
wrk.body = f:read("*a"); wrk.headers["Content-Type"] = "application/json" """)
    before = proxy.cpu_seconds()
    out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script),
                          f"http://127.0.0.1:{proxy.port}/v1/chat/completions"],
                         capture_output=True, text=True, check=True).stdout
    used = proxy.cpu_seconds() - before
    requests = int(re.search(r"(\d+) requests in", out)[1])
    if "Non-2xx" in out or "Socket errors" in out:
        print(f"  void round for {proxy.name}:\n{out}")
        return None
    return used / requests * 1e6


def sse_round(load, proxy, streams, seconds):
    before = proxy.cpu_seconds()
    out = subprocess.run([load, "client", str(proxy.port), str(streams), str(seconds)], capture_output=True,
                         text=True, check=True).stdout
    return (proxy.cpu_seconds() - before) / int(out.split()[0]) * 1e6


def compare(title, proxies, rounds, one_round):
    costs = {p.name: [] for p in proxies}
    for proxy in proxies:
        one_round(proxy, warm=True)
    for _ in range(rounds):
        row = {p.name: one_round(p, warm=False) for p in proxies}
        if None not in row.values():
            for name, cost in row.items():
                costs[name].append(cost)
    print(f"{title}")
    for name, values in costs.items():
        ratios = sorted(v / n for v, n in zip(values, costs["nginx"]))
        print(f"  {name:8} {statistics.median(values):8.2f} us   {statistics.median(ratios):5.2f} x nginx"
              f"   ({ratios[0]:.2f} to {ratios[-1]:.2f})")


def chat_body(size):
    empty = json.dumps({"model": "m", "messages": [{"role": "user", "content": ""}], "max_tokens": 16})
    text = ("It was a dark and stormy night; \"the rain\" fell in torrents.\n" * (size // 50 + 1))
    while len(json.dumps(text)) - 2 > size - len(empty):
        text = text[:-max(1, (len(json.dumps(text)) - size + len(empty)) // 2)]
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": text}], "max_tokens": 16})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--only", default="1kb,220kb,sse")
    args = parser.parse_args()
    load = str(args.build / "bench" / "sse_load")
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        origin = start_origin(stack, folder)
        proxies = start_proxies(stack, folder, args.build, origin.port)
        for label, size, connections in [("1kb", 1024, 8), ("1kb", 1024, 64), ("220kb", 220 * 1024, 8)]:
            if label in args.only:
                compare(f"{label} chat body, {connections} connections, CPU per request", proxies, args.rounds,
                        lambda p, warm, b=chat_body(size), c=connections:
                        wrk_round(folder, p, b, c, 1 if warm else args.seconds))
        if "sse" in args.only:
            sse_origin = subprocess.Popen([load, "origin"], stdout=subprocess.PIPE, text=True)
            stack.callback(sse_origin.kill)
            streamers = start_proxies(stack, folder, args.build, int(sse_origin.stdout.readline()))
            for streams in (64, 256):
                compare(f"server-sent events, {streams} streams, 250 events/s each, CPU per event", streamers,
                        args.rounds, lambda p, warm, n=streams: sse_round(load, p, n, 1 if warm else args.seconds))


main()
