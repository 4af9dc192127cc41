#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the gateway's whole path costs, against nginx and HAProxy relaying the same bytes blindly.

  relay_bench.py BUILD_DIR [--rounds 5] [--seconds 4] [--only 1kb,220kb,sse]

CPU time (user + system, from /proc/PID/stat) per request or per relayed event, one worker each,
the three interleaved A B C A B C …; printed are the medians, and the median of the per-round
ratios to nginx with their range. A round with an error or a wrong status is void.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import tempfile
import time

TICKS = os.sysconf("SC_CLK_TCK")
ANSWER = json.dumps({"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
                     "choices": [{"index": 0, "finish_reason": "stop",
                                  "message": {"role": "assistant", "content": "answer " * 100}}],
                     "usage": {"prompt_tokens": 200, "completion_tokens": 100, "total_tokens": 300}})
MODELS = json.dumps({"object": "list", "data": [{"id": "m", "object": "model"}]})


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for_port(port):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise SystemExit(f"nothing listens on port {port}")


class Proxy:
    """A process under test, its port, and the process ids whose CPU time counts."""

    def __init__(self, name, command, port):
        self.name, self.port = name, port
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(port)
        time.sleep(0.5)  # a worker process may still be forking; it is counted from here on
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.pids = [self.process.pid, *map(int, children)]

    def cpu_seconds(self):
        fields = (pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split() for pid in self.pids)
        return sum(int(f[11]) + int(f[12]) for f in fields) / TICKS

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(5)
        self.process.kill()


def nginx(folder, name, http, port):
    conf = folder / f"{name}.conf"
    conf.write_text(f"""daemon off; worker_processes 1; pid {folder}/{name}.pid; error_log /dev/null;
events {{ worker_connections 4096; }}
http {{ access_log off; keepalive_requests 100000000; client_max_body_size 64m; client_body_buffer_size 1m;
  client_body_temp_path {folder}/{name}-body; proxy_temp_path {folder}/{name}-proxy;
  fastcgi_temp_path {folder}/{name}-f; uwsgi_temp_path {folder}/{name}-u; scgi_temp_path {folder}/{name}-s;
  {http} }}""")
    return Proxy(name, ["nginx", "-c", str(conf), "-p", str(folder), "-e", "/dev/null"], port)


def start_origin(folder):
    port = free_port()
    return nginx(folder, "origin", f"""server {{ listen 127.0.0.1:{port} backlog=1024; default_type application/json;
      location /v1/models {{ return 200 '{MODELS}'; }}
      location /metrics {{ default_type text/plain; return 200 'vllm:num_requests_running 0\\n'; }}
      location /health {{ return 200 ''; }}
      location / {{ return 200 '{ANSWER}'; }} }}""", port)


def start_proxies(folder, build, origin_port):
    ports = [free_port() for _ in range(3)]
    haproxy = folder / f"haproxy-{origin_port}.cfg"
    haproxy.write_text(f"""global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend f
  bind 127.0.0.1:{ports[2]}
  default_backend b
backend b
  server s 127.0.0.1:{origin_port}
""")
    gateway = [str(build / "llmd"), "gateway", "--port", str(ports[0]), "--endpoint",
               f"http://127.0.0.1:{origin_port}"]
    relay = f"""upstream o {{ server 127.0.0.1:{origin_port}; keepalive 256; keepalive_requests 100000000; }}
      server {{ listen 127.0.0.1:{ports[1]} backlog=1024; location / {{ proxy_pass http://o; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_buffering off; proxy_request_buffering on; }} }}"""
    proxies = [Proxy("llmd", gateway, ports[0]), nginx(folder, f"nginx-{origin_port}", relay, ports[1]),
               Proxy("haproxy", ["haproxy", "-f", str(haproxy), "-db"], ports[2])]
    wait_until_ready(ports[0])
    return proxies


def wait_until_ready(port):
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        with socket.create_connection(("127.0.0.1", port), 2) as s:
            s.sendall(b"GET /ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            if b" 200 " in s.recv(4096):
                return
        time.sleep(0.1)
    raise SystemExit("the gateway did not become ready")


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
    base = next(name for name in costs if name.startswith("nginx"))
    print(f"{title}")
    for name, values in costs.items():
        ratios = sorted(v / n for v, n in zip(values, costs[base]))
        print(f"  {name.split('-')[0]:8} {statistics.median(values):8.2f} us   {statistics.median(ratios):5.2f} x nginx"
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
        origin = start_origin(folder)
        stack.callback(origin.stop)
        proxies = start_proxies(folder, args.build, origin.port)
        for proxy in proxies:
            stack.callback(proxy.stop)
        for label, size, connections in [("1kb", 1024, 8), ("1kb", 1024, 64), ("220kb", 220 * 1024, 8)]:
            if label in args.only:
                compare(f"{label} chat body, {connections} connections, CPU per request", proxies, args.rounds,
                        lambda p, warm, b=chat_body(size), c=connections:
                        wrk_round(folder, p, b, c, 1 if warm else args.seconds))
        if "sse" in args.only:
            sse_origin = subprocess.Popen([load, "origin"], stdout=subprocess.PIPE, text=True)
            stack.callback(sse_origin.kill)
            streamers = start_proxies(folder, args.build, int(sse_origin.stdout.readline()))
            for proxy in streamers:
                stack.callback(proxy.stop)
            for streams in (64, 256):
                compare(f"server-sent events, {streams} streams, 250 events/s each, CPU per event", streamers,
                        args.rounds, lambda p, warm, n=streams: sse_round(load, p, n, 1 if warm else args.seconds))


main()
