#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How well requests are placed: the tables of docs/performance.md.
`table.py [SEEDS] [TRACES_FOLDER] [COLUMN...]`.

Eight simulated Qwen3-32B endpoints in virtual time, eight loads. SEEDS (3) repeats of each, a third of
that for the ladder, in all less than 25 minutes; a repeat of a trace is another sixth of it.
TRACES_FOLDER has mooncake_conversation.jsonl, azure_code.csv and azure_conv.csv; without it (-)
those loads are left out. COLUMNs are names below; all of them if none is given.
"""
import datetime
import json
import pathlib
import re
import subprocess
import sys
import tempfile

import bursty_tenants

HERE = pathlib.Path(__file__).resolve().parent
LLMD = HERE.parents[1] / "build/release/llmd"
PROFILE = "qwen3-32b-tp2-h100"
CONTEXT_TOKENS = 40_960  # of the model: longer prompts are refused wherever they go
PARTS = 6  # of a trace
COLUMNS = {
    "round robin": "round-robin",
    "least connections": "least-connections",
    "upstream default": "policies/upstream_default.yaml",
    "upstream optimized-baseline": "policies/upstream_optimized_baseline.yaml",
    "llmd's default": "gateway",
    "llmd's default, KV events": "gateway-kv-events",
    "best found": "best-found",
}
OURS, ORACLE = "llmd's default", "best found"
FIGURES = {  # of `llmd bench compare`: how the table calls and prints them
    "goodput": ("goodput", "{:.3g}/s"),
    "attained": ("in SLO", "{:.1f} %"),
    "cache hits": ("hits", "{:.1f} %"),
    "TTFT p50": ("TTFT p50", "{:.3g} s"),
    "TTFT p90": ("p90", "{:.3g} s"),
    "TTFT p99": ("p99", "{:.3g} s"),
    "output": ("tokens/s", "{:,.0f}"),
}


class Load:
    """`flags(folder, seed)` are those of `llmd bench` that send it; files they name go to `folder`."""

    def __init__(self, name, slo, flags, is_costly=False, profiles=(PROFILE,)):
        self.name, self.slo, self.flags, self.is_costly, self.profiles = name, slo, flags, is_costly, profiles

    def figures(self, seed):
        """By figure and column."""
        with tempfile.TemporaryDirectory() as folder:
            command = [LLMD, "bench", "compare", *COLUMNS.values(), "--virtual", "--repeats", "1", "--seed", str(seed),
                       "--slo", self.slo, *self.flags(pathlib.Path(folder), seed)]
            for profile in self.profiles:
                command += ["--profile", profile]
            return parse(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=HERE).stdout)


def parse(text):
    """A block of lines for each figure, a line for each column in their order; the first names it."""
    out = {}
    for line in text.splitlines()[2:]:
        *figure, _, value = re.split(r"\s{2,}", line.split("  x")[0].strip())
        if figure:
            values = out[figure[0]] = {}
        values[list(COLUMNS)[len(values)]] = float(value.split()[0].replace(",", ""))
    return out


def ladder(_, __):
    return ["-c", "optimized_baseline.yml"]


def mixed_pool(_, __):
    return ["--shared-prefix", "60x5", "--system-tokens", "6000", "--input-tokens", "1200", "--output-tokens", "300",
            "--rate", "34", "--duration", "90"]


def bursty(folder, seed):
    bursty_tenants.write(folder / "trace.jsonl", seed)
    return ["--trace", folder / "trace.jsonl"]


def part_of(lines, seed, time_s, rate):
    """A sixth of a trace, and the flag that plays it at `rate` requests per second."""
    part = seed % PARTS
    lines = lines[len(lines) * part // PARTS:len(lines) * (part + 1) // PARTS]
    return lines, ["--speed", str(rate * (time_s(lines[-1]) - time_s(lines[0])) / len(lines))]


def mooncake(file, rate):
    def flags(folder, seed):
        fitting = [each for each in map(json.loads, file.read_text().splitlines())
                   if each["input_length"] + each["output_length"] < CONTEXT_TOKENS]
        part, speed = part_of(fitting, seed, lambda each: each["timestamp"] / 1000, rate)
        lines = [json.dumps(each | {"timestamp": each["timestamp"] - part[0]["timestamp"]}) for each in part]
        (folder / "trace.jsonl").write_text("\n".join(lines) + "\n")
        return ["--trace", folder / "trace.jsonl", *speed]
    return flags


def under_pressure(_, __):
    """420 groups of 6,000 tokens with 5 questions of 1,200: 5.04 M tokens, twice what the engines hold."""
    return ["--shared-prefix", "420x5", "--system-tokens", "6000", "--input-tokens", "1200", "--output-tokens", "300",
            "--rate", "22", "--duration", "150"]


def restarted(_, __):
    """One engine after the other loses its cache, in the middle of the run; what runs there fails."""
    restarts = [flag for after in range(45, 77, 4) for flag in ("--restart", str(after))]
    return ["--shared-prefix", "60x5", "--system-tokens", "6000", "--input-tokens", "1200", "--output-tokens", "300",
            "--rate", "30", "--duration", "90", *restarts]


def azure_time_s(line):
    return datetime.datetime.fromisoformat(line.split(",")[0][:26]).timestamp()


def azure(file, rate):
    def flags(folder, seed):
        head, *lines = file.read_text().splitlines()
        part, speed = part_of(lines, seed, azure_time_s, rate)
        (folder / "trace.csv").write_text("\n".join([head, *part]) + "\n")
        return ["--trace", folder / "trace.csv", *speed]
    return flags


def loads(traces):
    yield Load("shared-prefix ladder, 3 to 60 requests/s", "ttft=2,tpot=0.1", ladder, is_costly=True)
    yield Load("bursty tenants, about 36 requests/s", "ttft=1,tpot=0.1", bursty)
    yield Load("mixed pool (one engine of half the speed), shared prefixes, 34 requests/s", "ttft=1,tpot=0.1", mixed_pool,
               profiles=("half_speed.yaml", PROFILE))
    yield Load("caches under pressure, 22 requests/s", "ttft=1,tpot=0.1", under_pressure)
    yield Load("each engine restarted once, shared prefixes, 30 requests/s", "ttft=1,tpot=0.1", restarted)
    if traces is None:
        print("No folder of traces is given: Mooncake's and Azure's are left out.\n")
        return
    yield Load("Mooncake conversation, 11.5 requests/s", "ttft=2,tpot=0.1",
               mooncake(traces / "mooncake_conversation.jsonl", 11.5))
    yield Load("Azure code, 17 requests/s", "ttft=1,tpot=0.2", azure(traces / "azure_code.csv", 17))
    yield Load("Azure conversation, 86 requests/s", "ttft=1,tpot=0.1", azure(traces / "azure_conv.csv", 86))


def mean(values):
    return sum(values) / len(values)


def ratios(repeats, column, base):
    """Of the goodputs, repeat by repeat."""
    return [each["goodput"][column] / each["goodput"][base] for each in repeats if each["goodput"][base] > 0]


def span(values):
    if not values:
        return "-"
    low, high = f"{min(values):.2f}", f"{max(values):.2f}"
    return low if low == high else f"{low} - {high}"


def print_table(rows):
    widths = [max(map(len, column)) for column in zip(*rows)]
    for first, *others in rows:
        print("  ".join([first.ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(others, widths[1:])]))
    print(flush=True)


def print_load(number, load, repeats):
    print(f"Load {number}: {load.name}; SLO {load.slo}; means of {len(repeats)}")
    rows = [["", *(name for name, _ in FIGURES.values()), "of best"]]
    for column in COLUMNS:
        row = [form.format(mean([each[figure][column] for each in repeats])) for figure, (_, form) in FIGURES.items()]
        of_best = f"{mean(ratios(repeats, column, ORACLE)):.2f}" if ORACLE in COLUMNS else "-"
        rows.append([column, *row, of_best])
    print_table(rows)


def print_ratios(title, done, ratios_of):
    print(f"{title}, least to most of the repeats")
    print_table([["", *(f"load {number}" for number in range(1, len(done) + 1))]] +
                [[column, *(span(ratios_of(repeats, column)) for repeats in done)] for column in COLUMNS])


def keep_columns(names):
    unknown = set(names) - set(COLUMNS)
    if unknown:
        sys.exit(f"no column {', '.join(unknown)}; there is {', '.join(COLUMNS)}")
    for name in set(COLUMNS) - set(names):
        del COLUMNS[name]


def main():
    if not LLMD.exists():
        sys.exit("build first: make")
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    traces = pathlib.Path(sys.argv[2]).resolve() if len(sys.argv) > 2 and sys.argv[2] != "-" else None
    keep_columns(sys.argv[3:] or list(COLUMNS))
    done = []
    for number, load in enumerate(loads(traces), 1):
        repeats = [load.figures(seed) for seed in range(-(-seeds // 3) if load.is_costly else seeds)]
        print_load(number, load, repeats)
        done.append(repeats)
    for title, base, ratios_of in (
            ("Goodput over that of the best found", ORACLE, lambda repeats, column: ratios(repeats, column, ORACLE)),
            ("Goodput of llmd's default over each", OURS, lambda repeats, column: ratios(repeats, OURS, column))):
        if base in COLUMNS:
            print_ratios(title, done, ratios_of)


if __name__ == "__main__":
    main()
