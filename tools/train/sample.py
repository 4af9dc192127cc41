#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Continue a prompt, or answer it with --chat, from the exported weights."""
import argparse

import torch

import model, tokenizer


def generate(weights, ids, count, temperature, top_p, stop):
    generator, made = torch.Generator().manual_seed(1), []
    for _ in range(count):
        with torch.no_grad():
            # No cache: the model is small, and this is not the engine.
            logits = model.hidden_states(weights, torch.tensor([ids + made]))[0, -1] @ weights[model.EMBED].t()
        if temperature == 0:
            made.append(int(logits.argmax()))
        else:
            probs, order = (logits / temperature).softmax(0).sort(descending=True)
            probs[probs.cumsum(0) - probs > top_p] = 0
            made.append(int(order[torch.multinomial(probs, 1, generator=generator)]))
        if made[-1] in stop:
            return made[:-1]
    return made


def main():
    args = argparse.ArgumentParser()
    args.add_argument("prompt")
    args.add_argument("--model", default="models/llmd-tiny")
    args.add_argument("--chat", action="store_true")
    args.add_argument("--tokens", type=int, default=100)
    args.add_argument("--temperature", type=float, default=0.7)
    args.add_argument("--top-p", type=float, default=0.9)
    args = args.parse_args()
    weights, encoder = model.load(f"{args.model}/model.safetensors"), tokenizer.load(f"{args.model}/tokenizer.json")
    ids = encoder.text(args.prompt)
    if args.chat:
        ids = encoder.chat([("user", args.prompt)]) + [encoder.ids["<|im_start|>"], *encoder.text("assistant\n")]
    stop = {encoder.ids["<|im_end|>"], encoder.ids["<|endoftext|>"]}
    made = generate(weights, ids, args.tokens, args.temperature, args.top_p, stop)
    print(("" if args.chat else args.prompt) + encoder.decode(made))


if __name__ == "__main__":
    main()
