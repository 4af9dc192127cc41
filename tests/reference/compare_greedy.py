#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Greedy tokens of the engine against the NumPy reference.

    compare_greedy.py MODEL_PROBE MODEL_DIR [--tokens N] [--prompts N] [--threads N] [--chunk N]

Half of a random prompt is computed in chunks; then the engine is asked for its choice after each of
the rest's tokens and after each token that the reference chose, so one difference does not hide
what follows, and cycles of greedy text do not make the test weak. A difference counts as an error unless the
reference's two best logits lie within 1e-3 of each other.
"""
import argparse
import random
import subprocess
import sys

from forward import Reference, greedy

MARGIN = 1e-3
PROMPT_TOKENS = 200


def engine_choices(args, first, tokens):
    line = " ".join(map(str, [first, *tokens])) + "\n"
    command = [args.probe, args.model, str(args.threads), str(args.chunk)]
    run = subprocess.run(command, input=line, capture_output=True, text=True, timeout=600)
    if run.returncode != 0:
        sys.exit(f"model_probe failed: {run.stderr}")
    return [int(word) for word in run.stdout.split()]


def compare(args, seed):
    """(close calls, errors, distinct tokens) of one prompt."""
    reference = Reference(args.model)
    rng = random.Random(seed)
    prompt = [rng.randrange(reference.config["vocab_size"]) for _ in range(PROMPT_TOKENS)]
    first = PROMPT_TOKENS // 2
    tokens, expected, margins = greedy(reference, prompt, first, args.tokens)
    found = engine_choices(args, first, tokens)
    if len(found) != len(expected):
        sys.exit(f"expected {len(expected)} tokens, found {len(found)}")
    different = [i for i in range(len(found)) if found[i] != expected[i]]
    errors = [i for i in different if margins[i] > MARGIN]
    for i in errors:
        print(f"prompt {seed} token {i}: reference {expected[i]} by {margins[i]:.4g}, engine {found[i]}")
    return len(found), len(different) - len(errors), len(errors), len(set(expected))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("probe")
    parser.add_argument("model")
    parser.add_argument("--tokens", type=int, default=200)
    parser.add_argument("--prompts", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--chunk", type=int, default=512, help="tokens per step of the prompt")
    args = parser.parse_args()
    results = [compare(args, seed) for seed in range(args.prompts)]
    total, close, errors, distinct = (sum(column) for column in zip(*results))
    print(f"{total} tokens ({distinct} distinct): {errors} differ, "
          f"{close} more where the two best lie within {MARGIN}")
    sys.exit(1 if errors else 0)


main()
