#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""CPU time of the gateway against nginx and HAProxy relaying the same blindly.

Each proxy has one worker and the same origin (nginx, static answers; bench/gateway/events.mjs for
event streams). Rounds alternate between the proxies; a round's figure is CPU time (user and system,
from the scheduler's statistics) per request or event, and the result is the median of the per-round
ratios to nginx. CPU time, not wall time: other work may share the machine.
"""
import argparse
import http.client
import json
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ANSWER = json.dumps({"id": "chatcmpl-1", "object": "chat.completion", "model": "m", "choices": [
    {"index": 0, "message": {"role": "assistant", "content": "word " * 60}, "finish_reason": "stop"}]})
TEMP_PATHS = "\n".join(f"{kind}_temp_path {{folder}}/{kind};" for kind in
                       ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 100000000; client_max_body_size 64m; client_body_buffer_size 512k;
  default_type application/json; {temp}
  {content}
}}"""
ORIGIN = """
server {{ listen 127.0.0.1:{port};
  location = /health {{ return 200; }}
  location = /v1/models {{ return 200 '{{"object":"list","data":[{{"id":"m","object":"model"}}]}}'; }}
  location = /metrics {{ return 404; }}
  location / {{ return 200 '{answer}'; }} }}"""
PROXY = """
upstream origin {{ server 127.0.0.1:{origin}; keepalive 256; keepalive_requests 100000000; }}
server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://origin; proxy_http_version 1.1;
  proxy_set_header Connection ""; {extra} }} }}"""
HAPROXY = """
global
  nbthread 1
  maxconn 4096
  tune.bufsize 16384
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
  server s 127.0.0.1:{origin} pool-max-conn 256
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port, path="/health"):
    for _ in range(500):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.02)
    raise SystemExit(f"nothing answers on port {port}")


class Proxy:
    def __init__(self, name, argv, port):
        self.name, self.port = name, port
        self.process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def cpu_s(self):
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9

    def stop(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


class Stage:
    """Origin and proxies of one comparison."""

    def __init__(self, args):
        self.args, self.folder, self.running = args, tempfile.mkdtemp(prefix="llmd-bench-"), []

    def nginx(self, name, content):
        folder = pathlib.Path(self.folder, name)
        folder.mkdir()
        conf = folder / "nginx.conf"
        conf.write_text(NGINX.format(folder=folder, temp=TEMP_PATHS.format(folder=folder), content=content))
        return ["nginx", "-c", str(conf), "-p", str(folder)]

    def start(self, name, argv, port, path="/health"):
        proxy = Proxy(name, argv, port)
        self.running.append(proxy)
        wait_for(port, path)
        return proxy

    def static_origin(self):
        port = free_port()
        self.start("origin", self.nginx("origin", ORIGIN.format(port=port, answer=ANSWER)), port)
        return port

    def llmd(self, origin):
        port = free_port()
        return self.start("llmd", [self.args.llmd, "gateway", "--port", str(port), "--endpoint",
                                   f"http://127.0.0.1:{origin}"], port, "/ready")

    def nginx_proxy(self, origin, extra=""):
        port = free_port()
        content = PROXY.format(port=port, origin=origin, extra=extra)
        return self.start("nginx", self.nginx("nginx", content), port)

    def haproxy(self, origin):
        port = free_port()
        conf = pathlib.Path(self.folder, "haproxy.cfg")
        conf.write_text(HAPROXY.format(port=port, origin=origin))
        return self.start("haproxy", ["haproxy", "-db", "-f", str(conf)], port)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for proxy in self.running:
            proxy.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def lua_script(folder, body_bytes):
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": ""}], "max_tokens": 16})
    body = body.replace('"content": ""', '"content": "%s"' % ("some words to say " * (body_bytes // 18))[:body_bytes - len(body)])
    script = pathlib.Path(folder, "post.lua")
    script.write_text(f"wrk.method = 'POST'\nwrk.path = '/v1/chat/completions'\nwrk.body = [==[{body}]==]\n"
                      "wrk.headers['Content-Type'] = 'application/json'\n")
    return str(script)


def request_round(proxy, script, connections, seconds):
    before = proxy.cpu_s()
    out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script,
                          f"http://127.0.0.1:{proxy.port}"], capture_output=True, text=True, check=True).stdout
    spent = proxy.cpu_s() - before
    if "Non-2xx" in out or "Socket errors" in out:
        raise SystemExit(f"{proxy.name}: {out}")
    return 1e6 * spent / int(re.search(r"(\d+) requests in", out)[1])


def event_round(proxy, args):
    client = subprocess.Popen([args.node, str(HERE / "events.mjs"), "read", str(proxy.port), str(args.streams)],
                              stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)
    client.stdout.readline()  # every stream has begun
    client.stdin.write("count\n"), client.stdin.flush()
    first, before = int(client.stdout.readline()), proxy.cpu_s()
    time.sleep(args.seconds)
    client.stdin.write("count\n"), client.stdin.flush()
    last, after = int(client.stdout.readline()), proxy.cpu_s()
    client.kill()
    client.wait()
    return 1e6 * (after - before) / (last - first)


def compare(title, proxies, measure, rounds):
    figures = {proxy.name: [] for proxy in proxies}
    for proxy in proxies:  # warm up
        measure(proxy)
    for _ in range(rounds):
        for proxy in proxies:
            figures[proxy.name].append(measure(proxy))
    for name, values in figures.items():
        ratio = statistics.median(a / b for a, b in zip(values, figures["nginx"]))
        print(f"{title:32} {name:8} {statistics.median(values):8.2f} us  {ratio:5.2f} x nginx", flush=True)


def compare_requests(args, title, body_bytes, connections, with_haproxy):
    with Stage(args) as stage:
        origin = stage.static_origin()
        proxies = [stage.llmd(origin), stage.nginx_proxy(origin)]
        if with_haproxy:
            proxies.append(stage.haproxy(origin))
        script = lua_script(stage.folder, body_bytes)
        compare(title, proxies, lambda proxy: request_round(proxy, script, connections, args.seconds), args.rounds)


def compare_events(args):
    with Stage(args) as stage:
        port = free_port()
        stage.start("origin", [args.node, str(HERE / "events.mjs"), "serve", str(port), str(args.event_hz)], port)
        proxies = [stage.llmd(port), stage.nginx_proxy(port, "proxy_buffering off;")]
        title = f"SSE event, {args.streams} x {args.event_hz}/s"
        compare(title, proxies, lambda proxy: event_round(proxy, args), args.rounds)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--llmd", default=str(ROOT / "build/release/llmd"))
    parser.add_argument("--node", default=str(ROOT / "tests/js/node_modules/.bin/node"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--event-hz", type=int, default=50)
    parser.add_argument("only", nargs="*", help="small8 small64 large events; all when not given")
    args = parser.parse_args()
    args.only = args.only or ["small8", "small64", "large", "events"]
    if "small8" in args.only:
        compare_requests(args, "1 KB chat, 8 connections", 1024, 8, True)
    if "small64" in args.only:
        compare_requests(args, "1 KB chat, 64 connections", 1024, 64, True)
    if "large" in args.only:
        compare_requests(args, "220 KB chat, 8 connections", 220 * 1024, 8, False)
    if "events" in args.only:
        compare_events(args)


main()
