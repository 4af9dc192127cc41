#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Are "round-robin" and "least-connections" of virtual time what nginx does over sockets?

nginx_check.py [SECONDS]: starts 8 simulated Qwen3-32B engines and nginx with each of its two rules,
sends the optimized-baseline workload at 3 and 10 requests/s for SECONDS (20) each, in real time, and
prints the same figures beside those of virtual time. Takes about two minutes for each rule.
"""
import contextlib
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))
from processes import start_engines, start_nginx_relay  # noqa: E402

BUILD = ROOT / "build/release"
PROFILE = "qwen3-32b-tp2-h100"
ENGINES = 8
RULES = {"round-robin": "", "least-connections": "least_conn;"}


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
    subprocess.run([BUILD / "llmd", "bench", "-c", config, "--out", out, *flags], check=True, stdout=subprocess.DEVNULL)
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
            with contextlib.ExitStack() as stack:
                engines = start_engines(stack, BUILD, ENGINES, "--profile", PROFILE)
                nginx = start_nginx_relay(stack, folder, engines.ports, rule)
                real = bench(folder, config, "--url", f"http://127.0.0.1:{nginx.port}")
            virtual = bench(folder, config, "--virtual", "--policy", policy, "--profile", PROFILE, "--endpoints", str(ENGINES))
            for rate, over_nginx, in_virtual_time in zip((3, 10), real, virtual):
                for what, value in figures(over_nginx).items():
                    other = figures(in_virtual_time)[what]
                    print(f"{policy:20} {rate:6}/s {what:>14} {value:9.3f}s {other:9.3f}s {value / other:7.3f}", flush=True)


main()
