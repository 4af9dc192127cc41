#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `llmd bench` costs, and whether one core is enough for the load it is asked for.

  load_bench.py BUILD_DIR [--seconds 8] [--only events,starts,open,all]

Open loop against `sse_load origin`, which streams OpenAI chat chunks. For each shape: what was
reached, the tool's CPU time (user + system, its start and its reports included) per streamed event
or per request, what one core could do at that price, how many connections were open, its memory,
its lateness, and for how long it was ready to run while no core was free (/proc/PID/schedstat):
lateness on a busy machine is mostly that.
"""
import argparse
import json
import os
import pathlib
import resource
import subprocess
import tempfile
import time

# name: requests/s, events of an answer, ms between its events
SHAPES = {
    "events": (250, 200, 5),   # 50,000 events/s on 250 connections
    "starts": (5000, 1, 4),    # requests that end at once
    "open": (1000, 6, 1000),   # more than 5,000 answers at once
    "all": (5000, 11, 100),    # 5,000 requests/s with 5,000 open and 55,000 events/s
}


class Tool:
    """One `llmd bench`, watched from outside while it runs."""

    def __init__(self, build, port, rate, seconds):
        self.folder = tempfile.TemporaryDirectory()
        command = [str(build / "llmd"), "bench", "--url", f"http://127.0.0.1:{port}", "--api", "chat", "--tokenizer",
                   "words4", "--load", "constant", "--rate", str(rate), "--duration", str(seconds), "--input-tokens",
                   "64", "--output-tokens", "1", "--out", self.folder.name]
        self.peak_open = self.waited_s = 0
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        done = 0
        while done == 0:
            self.look(process.pid)
            time.sleep(0.1)
            done, status, self.usage = os.wait4(process.pid, os.WNOHANG)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(command)}: exit status {process.returncode}")
        self.summary = json.loads((pathlib.Path(self.folder.name) / "stage_0_lifecycle_metrics.json").read_text())

    def look(self, pid):
        try:
            self.peak_open = max(self.peak_open, len(os.listdir(f"/proc/{pid}/fd")))
            self.waited_s = int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
        except (OSError, IndexError):
            pass  # it is ending

    def cpu_s(self):
        return self.usage.ru_utime + self.usage.ru_stime


def measure(build, name, seconds):
    rate, events, tick_ms = SHAPES[name]
    origin = subprocess.Popen([str(build / "bench" / "sse_load"), "origin", "0", str(events), str(tick_ms)],
                              stdout=subprocess.PIPE, text=True)
    try:
        tool = Tool(build, int(origin.stdout.readline()), rate, seconds)
    finally:
        origin.kill()
        origin.wait()
    show(name, tool)


def show(name, tool):
    done, load = tool.summary["successes"], tool.summary["load_summary"]
    took = tool.summary["benchmark_time_seconds"]
    lateness = load["schedule_delay"]
    per_request, per_event = tool.cpu_s() / load["count"], tool.cpu_s() / done["output_tokens"]["total"]
    print(f"{name}: {load['count']} requests, {done['output_tokens']['total']} events, {tool.summary['failures']['count']} "
          f"errors; {load['achieved_rate']:.0f} requests/s started, "
          f"{done['output_tokens']['total'] / took:.0f} events/s, {tool.peak_open} descriptors open at most\n"
          f"  CPU {tool.cpu_s():.2f} s (user {tool.usage.ru_utime:.2f}) in {took:.1f} s: {per_request * 1e6:.1f} us per "
          f"request, {per_event * 1e6:.2f} us per event; a core: {1 / per_request:.0f} requests/s, "
          f"{1 / per_event:.0f} events/s; {tool.usage.ru_maxrss // 1024} MiB\n"
          f"  late: median {lateness['median'] * 1e3:.2f} ms, p99 {lateness['p99'] * 1e3:.2f} ms, max "
          f"{lateness['max'] * 1e3:.2f} ms; waited {tool.waited_s:.2f} s for a core", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=8)
    parser.add_argument("--only", default=",".join(SHAPES))
    args = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # for the origin; the tool raises its own
    for name in args.only.split(","):
        measure(args.build, name, args.seconds)


main()
