#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Are "round-robin" and "least-connections" of virtual time what nginx does over sockets?

nginx_check.py [SECONDS]: starts 8 simulated Qwen3-32B engines and nginx with each of its two rules,
sends the optimized-baseline workload at 3 and 10 requests/s for SECONDS (20) each, in real time, and
prints the same figures beside those of virtual time. Takes about two minutes for each rule.
"""
import json
import pathlib
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
LLMD = ROOT / "build/release/llmd"
PROFILE = "qwen3-32b-tp2-h100"
ENGINES = 8
RULES = {"round-robin": "", "least-connections": "least_conn;"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start_engines():
    """Consecutive ports from a free one on; the process prints a line for each."""
    engines = subprocess.Popen(
        [LLMD, "engine", "--simulated", "--profile", PROFILE, "--replicas", str(ENGINES), "--port", str(free_port())],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    ports = [int(engines.stdout.readline().rsplit(":", 1)[1]) for _ in range(ENGINES)]
    return engines, ports


def start_nginx(folder, rule, ports):
    port = free_port()
    servers = "".join(f"server 127.0.0.1:{each}; " for each in ports)
    conf = folder / "nginx.conf"
    conf.write_text(f"""daemon off; worker_processes 1; pid {folder}/pid; error_log /dev/null;
events {{ worker_connections 8192; }}
http {{ access_log off; client_max_body_size 16m; client_body_buffer_size 1m;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream engines {{ {rule} {servers} }}
  server {{ listen 127.0.0.1:{port};
    location / {{ proxy_pass http://engines; proxy_http_version 1.1; proxy_buffering off; proxy_read_timeout 600s; }} }} }}
""")
    nginx = subprocess.Popen(["nginx", "-c", conf, "-p", folder, "-e", "/dev/null"])
    while True:  # until it listens
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return nginx, port
        except ConnectionRefusedError:
            if nginx.poll() is not None:
                sys.exit("nginx did not start")


def workload(folder, seconds):
    file = folder / "workload.yml"
    file.write_text(f"""api: {{type: completion, streaming: true}}
data:
  type: shared_prefix
  shared_prefix: {{num_groups: 150, num_prompts_per_group: 5, system_prompt_len: 6000, question_len: 1200, output_len: 1000}}
load:
  type: poisson
  interval: 1
  stages:
  - {{rate: 3, duration: {seconds}}}
  - {{rate: 10, duration: {seconds}}}
""")
    return file


def bench(folder, config, *flags):
    out = folder / "out"
    subprocess.run([LLMD, "bench", "-c", config, "--out", out, *flags], check=True, stdout=subprocess.DEVNULL)
    stages = [json.loads((out / f"stage_{i}_lifecycle_metrics.json").read_text()) for i in range(2)]
    return [stage["successes"] for stage in stages]


def figures(successes):
    latency = successes["latency"]
    return {
        "TTFT p50": latency["time_to_first_token"]["median"],
        "TTFT p90": latency["time_to_first_token"]["p90"],
        "TPOT mean": latency["time_per_output_token"]["mean"],
        "latency mean": latency["request_latency"]["mean"],
    }


def main():
    seconds = sys.argv[1] if len(sys.argv) > 1 else "20"
    print(f"{'':20} {'rate':>8} {'figure':>14} {'nginx':>10} {'virtual':>10} {'ratio':>7}")
    for policy, rule in RULES.items():
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            config = workload(folder, seconds)
            engines, ports = start_engines()
            nginx, port = start_nginx(folder, rule, ports)
            try:
                real = bench(folder, config, "--url", f"http://127.0.0.1:{port}")
            finally:
                nginx.terminate()
                engines.terminate()
                nginx.wait()
                engines.wait()
            virtual = bench(folder, config, "--virtual", "--policy", policy, "--profile", PROFILE, "--endpoints", str(ENGINES))
            for rate, over_nginx, in_virtual_time in zip((3, 10), real, virtual):
                for what, value in figures(over_nginx).items():
                    other = figures(in_virtual_time)[what]
                    print(f"{policy:20} {rate:6}/s {what:>14} {value:9.3f}s {other:9.3f}s {value / other:7.3f}", flush=True)


main()
