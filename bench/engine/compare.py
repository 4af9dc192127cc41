#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The engine against llama.cpp on the same weights, and against the machine's bounds.

    compare.py ENGINE_SPEED MODEL_DIR [--threads 1 2] [--sequences 1 8] [--rounds 7] [--json FILE]

Needs NumPy (for the GGUF export) and tests/js/node_modules. Rounds of both programs alternate, so
that other load on the machine meets both; every figure is a median over rounds of tokens per second
of CPU time (wall time is shown beside). llama.cpp runs bf16 weights and its default f16 cache.
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
NODE = ROOT / "tests/js/node_modules/.bin/node"
PEER = ROOT / "tests/js/llama_cpp/peer.mjs"
PROMPT_TOKENS = 512
DECODE_STEPS = 64


class Program:
    """Answers each line with one line of JSON."""

    def __init__(self, *command):
        self.process = subprocess.Popen([*map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, word):
        print(word, file=self.process.stdin, flush=True)
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"{self.process.args[0]} ended with status {self.process.wait()}")
        return json.loads(answer)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def medians(rounds):
    return {key: statistics.median(r[key] for r in rounds) for key in rounds[0]}


def alternate(engine, peer, rounds):
    """Medians of (engine, peer, bounds); each program's first round is warm-up."""
    engine.ask("model"), peer.ask("model")
    results = [(engine.ask("model"), peer.ask("model"), engine.ask("bounds")) for _ in range(rounds)]
    return [medians(column) for column in zip(*results)]


def costs(model):
    """(multiply-adds of a prompt token, bytes read for a decode step) of the weights."""
    config = json.loads((model / "config.json").read_text())
    hidden, wide, dim = config["hidden_size"], config["intermediate_size"], config["head_dim"]
    heads, kv = config["num_attention_heads"], config["num_key_value_heads"]
    layer = hidden * dim * (2 * heads + 2 * kv) + 3 * hidden * wide
    body = layer * config["num_hidden_layers"]
    return body, 2 * (body + config["vocab_size"] * hidden)


def measure(args, gguf, threads, sequences):
    common = [threads, sequences, PROMPT_TOKENS, DECODE_STEPS]
    engine = Program(args.engine_speed, args.model, *common)
    peer = Program(NODE, ROOT / "bench/engine/llama_cpp_speed.mjs", PEER, gguf, *common)
    ours, theirs, bounds = alternate(engine, peer, args.rounds)
    engine.close(), peer.close()
    macs, read = costs(args.model)
    return {
        "threads": threads, "sequences": sequences, "engine": ours, "llama_cpp": theirs, "bounds": bounds,
        "prefill_ratio": ours["prefill_cpu"] / theirs["prefill_cpu"],
        "decode_ratio": ours["decode_cpu"] / theirs["decode_cpu"],
        "prefill_share_of_flops": ours["prefill_cpu"] * 2 * macs / bounds["flops_per_cpu_s"],
        "decode_share_of_bandwidth": ours["decode_cpu"] / sequences * read / bounds["bytes_per_cpu_s"],
    }


def show(row):
    ours, theirs = row["engine"], row["llama_cpp"]
    print(f"| {row['threads']} | {row['sequences']} "
          f"| {ours['prefill_cpu']:.0f} / {theirs['prefill_cpu']:.0f} = **{row['prefill_ratio']:.2f}×** "
          f"({ours['prefill']:.0f} / {theirs['prefill']:.0f} wall) | {row['prefill_share_of_flops']:.0%} "
          f"| {ours['decode_cpu']:.0f} / {theirs['decode_cpu']:.0f} = **{row['decode_ratio']:.2f}×** "
          f"({ours['decode']:.0f} / {theirs['decode']:.0f} wall) | {row['decode_share_of_bandwidth']:.0%} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("engine_speed", type=pathlib.Path)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--sequences", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=pathlib.Path, help="write all figures here too")
    args = parser.parse_args()
    print(f"{args.model.name}: tokens per CPU second, llmd / llama.cpp\n\n"
          "| threads | sequences | prefill | of peak flops | decode | of read bandwidth |\n|---|---|---|---|---|---|")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        gguf = pathlib.Path(folder) / "model.gguf"
        subprocess.run(["/usr/bin/python3", ROOT / "tests/reference/export_gguf.py", args.model, gguf,
                        "--type", "bf16"], check=True)
        for threads in args.threads:
            for sequences in args.sequences:
                rows.append(measure(args, gguf, threads, sequences))
                show(rows[-1])
    if args.json:
        args.json.write_text(json.dumps({"model": args.model.name, "rows": rows}, indent=1) + "\n")


main()
