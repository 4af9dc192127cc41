#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Upstream's sizing point: 100 engines, 95,000 shared + 5,000 own tokens in, 1,000 out, 10 requests/s.

  sizing_bench.py BUILD_DIR [--rounds 2] [--seconds 40] [--endpoints 100] [--rate 10]

The gateway (its default configuration) and nginx (least_conn, unbuffered) take turns before fresh
simulated engines, with the same requests at the same times. Counted is CPU time
(/proc/PID/task/*/schedstat), over two stretches of each round: with requests coming and going, per
request, that is per 1,000 tokens that the engines say they generated; and after the last request
was sent, when answers are all that passes, per streamed event. First of all, what both cost idle. A
request that fails ends the run. A round in which the engines fell behind, as they do on a machine
too busy for them, is shown and its pair not compared; how late the load tool was and for how long
the engines waited for a core say how busy it was.
"""
import argparse
import concurrent.futures
import contextlib
import json
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from processes import get, start_engines, start_gateway, start_nginx_relay, wait_until  # noqa: E402

OUTPUT_TOKENS = 1000
GROUPS, PROMPTS = 100, 20  # as many groups as engines, and more prompts than are sent
SETTLE_S = 15     # idle engines are asked for their metrics less and less, down to this
WARM_S = 25       # longer than a request takes: from then on as many end as begin
TAIL_S = 8        # shorter than that
STEADY = 0.85     # of the tokens asked for; with less, answers pile up and a request has no price
SPARE_S = 8       # the first stretch ends so long before the last request is sent, at least nearly
GENERATED = re.compile(r"^vllm:generation_tokens_total\{.*\} (\S+)$", re.M)


def start_proxy(stack, name, options, folder, engines):
    if name == "nginx":
        return start_nginx_relay(stack, folder, engines.ports, "least_conn;")
    return start_gateway(stack, options.build, engines.ports)


def generated_tokens(engines):
    with concurrent.futures.ThreadPoolExecutor(25) as pool:
        pages = pool.map(lambda port: get(port, "/metrics")[1], engines.ports)
        return sum(float(GENERATED.search(page)[1]) for page in pages)


def idle(options, folder):
    with contextlib.ExitStack() as stack:
        engines = start_engines(stack, options.build, options.endpoints)
        proxies = [start_proxy(stack, name, options, folder, engines) for name in ("llmd", "nginx")]
        time.sleep(SETTLE_S)
        before = [proxy.cpu_seconds() for proxy in proxies]
        time.sleep(10)
        for proxy, cpu_s in zip(proxies, before):
            print(f"{proxy.name} idle: {(proxy.cpu_seconds() - cpu_s) / 10:.4f} cores, {proxy.memory_mib():.0f} MiB",
                  flush=True)


class Load:
    """One `llmd bench` and the figures it ends with."""

    def __init__(self, options, port, folder, seconds):
        self.out = folder / f"load-{port}"
        self.process = subprocess.Popen(
            [options.build / "llmd", "bench", "--url", f"http://127.0.0.1:{port}", "--tokenizer", "words4",
             "--shared-prefix", f"{GROUPS}x{PROMPTS}", "--system-tokens", "95000", "--input-tokens", "5000",
             "--output-tokens", str(OUTPUT_TOKENS), "--rate", str(options.rate), "--duration", str(seconds),
             "--out", self.out], stdout=subprocess.DEVNULL)

    def summary(self):
        if self.process.wait() != 0:
            raise SystemExit(f"llmd bench: exit status {self.process.returncode}")
        return json.loads((self.out / "stage_0_lifecycle_metrics.json").read_text())

    def stop(self):
        self.process.kill()
        self.process.wait()


def state(proxy, engines):
    """What only grows: time, the proxy's CPU seconds, seconds that the engines waited for a core, tokens."""
    return (time.monotonic(), proxy.cpu_seconds(), engines.waited_seconds(), generated_tokens(engines))


def stretch(proxy, engines, seconds):
    before = state(proxy, engines)
    time.sleep(seconds)
    return [now - then for now, then in zip(state(proxy, engines), before)]


def one_round(name, options, folder):
    """CPU seconds per request and per event, and the most memory in MiB; None if it does not count."""
    with contextlib.ExitStack() as stack:
        engines = start_engines(stack, options.build, options.endpoints)
        proxy = start_proxy(stack, name, options, folder, engines)
        sending_s = WARM_S + options.seconds + SPARE_S
        load = Load(options, proxy.port, folder, sending_s)
        stack.callback(load.stop)
        wait_until(lambda: generated_tokens(engines), "the first token")
        began = time.monotonic()
        time.sleep(WARM_S)
        took_s, cpu_s, waited_s, tokens = stretch(proxy, engines, options.seconds)
        time.sleep(max(0, began + sending_s - time.monotonic()))
        _, tail_cpu_s, _, tail_tokens = stretch(proxy, engines, TAIL_S)
        summary = load.summary()
        check(summary)
        row = (cpu_s / tokens * OUTPUT_TOKENS, tail_cpu_s / tail_tokens, proxy.memory_mib("VmHWM"))
        show(name, row, summary, tokens / took_s, waited_s / took_s)
        if tokens / took_s >= STEADY * options.rate * OUTPUT_TOKENS:
            return row
        print("  not steady: not compared", flush=True)
        return None


def check(summary):
    sent, ok = summary["load_summary"]["count"], summary["successes"]
    if ok["count"] != sent or ok["output_tokens"]["total"] != sent * OUTPUT_TOKENS:
        raise SystemExit(f"of {sent} requests {ok['count']} were answered, with {ok['output_tokens']['total']} tokens")


def show(name, row, summary, tokens_per_s, waited):
    late, latency = summary["load_summary"]["schedule_delay"], summary["successes"]["latency"]
    print(f"{name}: {row[0] * 1e3:.2f} ms a request, {row[1] * 1e6:.2f} us an event after the last request, at most "
          f"{row[2]:.0f} MiB\n  {summary['successes']['count']} requests, all answered; {tokens_per_s:.0f} tokens/s; "
          f"TTFT p50 {latency['time_to_first_token']['median']:.2f} s, TPOT p50 "
          f"{latency['time_per_output_token']['median'] * 1e3:.1f} ms; the tool late by {late['median'] * 1e3:.2f} ms, p99 "
          f"{late['p99'] * 1e3:.1f} ms; engines waited {waited * 100:.1f} % of the time for a core", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=40)
    parser.add_argument("--endpoints", type=int, default=100)
    parser.add_argument("--rate", type=float, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        idle(options, folder)
        rounds = [(one_round("llmd", options, folder), one_round("nginx", options, folder))
                  for _ in range(options.rounds)]
    pairs = [pair for pair in rounds if None not in pair]
    if not pairs:
        raise SystemExit("the machine was too busy in each round")
    for column, what in enumerate(("CPU of a request", "CPU of an event", "memory")):
        ratios = sorted(mine[column] / theirs[column] for mine, theirs in pairs)
        print(f"{what}: {statistics.median(ratios):.2f} x nginx ({ratios[0]:.2f} to {ratios[-1]:.2f})")


if __name__ == "__main__":
    main()
