#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Train the model within a CPU-time and a wall-clock budget; export as it goes."""
import argparse, json, math, os, random, time

import numpy, torch

import model

# (until this share of the budget, rows, tokens a row): short rows are cheap and
# teach most; the last ones teach positions far into a prompt.
STAGES = [(0.68, 16, 256), (0.86, 8, 512), (1.0, 2, 2048)]
CHAT_SHARE = 0.10
MUON_LR, EMBED_LR, NORM_LR = 0.02, 0.006, 0.004


class Stream:
    """Rows of a token file in random order, each place once an epoch."""

    def __init__(self, path, rng):
        self.ids = torch.from_numpy(numpy.fromfile(path, dtype=numpy.uint16).astype(numpy.int64))
        self.rng, self.starts, self.length = rng, [], 0

    def row(self, length):
        if length != self.length or not self.starts:
            self.length = length
            self.starts = list(range(self.rng.randrange(length), len(self.ids) - length - 1, length))
            self.rng.shuffle(self.starts)
        start = self.starts.pop()
        return self.ids[start:start + length + 1]


def orthogonal(grad):
    """Newton-Schulz iteration towards the nearest orthogonal matrix (batched)."""
    tall = grad.shape[1] > grad.shape[2]
    x = grad.transpose(1, 2) if tall else grad
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(5):
        gram = x @ x.transpose(1, 2)
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return x.transpose(1, 2) if tall else x


class Muon:
    """Momentum orthogonalised: every direction of a matrix moves equally fast."""

    def __init__(self, parameters):
        self.groups = {}
        for p in parameters:
            self.groups.setdefault(p.shape, []).append(p)
        self.momentum = {shape: torch.zeros(len(ps), *shape) for shape, ps in self.groups.items()}

    @torch.no_grad()
    def step(self, lr, beta):
        for shape, parameters in self.groups.items():
            grad, momentum = torch.stack([p.grad for p in parameters]), self.momentum[shape]
            momentum.lerp_(grad, 1 - beta)
            update = orthogonal(grad.lerp_(momentum, beta))
            for p, u in zip(parameters, update):
                p.mul_(1 - 0.05 * lr).add_(u, alpha=-lr * max(1, shape[0] / shape[1]) ** 0.5)
                p.grad = None


def schedule(progress, step):
    """Warm up, hold, then straight down to zero at the end of the budget."""
    return min(1.0, (step + 1) / 100) * min(1.0, max(0.0, (1 - progress) / 0.65))


def bits_per_byte(weights, path, byte_lengths, window, limit=None):
    """Non-overlapping windows, each starting without context."""
    ids = torch.from_numpy(numpy.fromfile(path, dtype=numpy.uint16).astype(numpy.int64))[:limit]
    nats, size = 0.0, 0
    with torch.no_grad():
        for start in range(0, len(ids) - 1, window):
            row = ids[start:start + window + 1]
            nats += model.token_losses(weights, row[None]).sum().item()
            size += byte_lengths[row[1:]].sum().item()
    return nats / math.log(2) / size


def token_bytes(tokenizer):
    """Bytes of text each id stands for; special tokens have none."""
    lengths = torch.zeros(model.CONFIG["vocab_size"], dtype=torch.int64)
    for piece, index in json.load(open(tokenizer, encoding="utf-8"))["model"]["vocab"].items():
        lengths[index] = len(piece)
    return lengths


def export(weights, folder):
    with open(f"{folder}/config.json", "w", encoding="utf-8") as out:
        json.dump(model.CONFIG, out, indent=2)
        out.write("\n")
    model.save(weights, f"{folder}/model.safetensors")


def evaluate(args):
    """The figures of the model card, from the exported weights."""
    weights, lengths = model.load(f"{args.model}/model.safetensors"), token_bytes(f"{args.model}/tokenizer.json")
    for part in ("heldout", "chat_heldout"):
        for window in (512, 2048):
            score = bits_per_byte(weights, f"{args.work}/{part}.ids", lengths, window)
            print(f"{part}, windows of {window} tokens: {score:.4f} bits per byte", flush=True)


def batch(streams, rng, rows, length):
    return torch.stack([streams[rng.random() < CHAT_SHARE].row(length) for _ in range(rows)])


def train(args):
    rng, started = random.Random(args.seed), time.monotonic()
    weights = model.new_weights(args.seed)
    for w in weights.values():
        w.requires_grad_(True)
    muon = Muon([w for n, w in weights.items() if w.dim() == 2 and n != model.EMBED])
    adam = torch.optim.AdamW(
        [dict(params=[weights[model.EMBED]], top=EMBED_LR),
         dict(params=[w for w in weights.values() if w.dim() == 1], top=NORM_LR)],
        lr=0.0, betas=(0.9, 0.95), eps=1e-10, weight_decay=0.0)
    streams = [Stream(f"{args.work}/{part}.ids", rng) for part in ("train", "chat")]
    lengths, smooth, tokens, exported, step = token_bytes(f"{args.model}/tokenizer.json"), None, 0, 0.0, 0
    while True:
        cpu, wall = time.process_time() / 60, (time.monotonic() - started) / 60
        progress = max(cpu / args.cpu_minutes, wall / args.wall_minutes)
        if cpu - exported >= args.export_minutes or progress >= 1:
            export(weights, args.model)
            score = bits_per_byte(model.load(f"{args.model}/model.safetensors"), f"{args.work}/heldout.ids", lengths, 512, 32768)
            print(f"exported: {score:.4f} bits per byte on the start of the held-out text", flush=True)
            exported = cpu
        if progress >= 1:
            break
        rows, length = next((r, n) for until, r, n in STAGES if progress < until)
        loss = model.loss(weights, batch(streams, rng, rows, length))
        loss.backward()
        rate = schedule(progress, step)
        for group in adam.param_groups:
            group["lr"] = group["top"] * rate
        adam.step()
        adam.zero_grad(set_to_none=True)
        muon.step(MUON_LR * rate, 0.85 + 0.10 * min(1.0, step / 300))
        step, tokens = step + 1, tokens + rows * length
        smooth = loss.item() if smooth is None else 0.97 * smooth + 0.03 * loss.item()
        if step % 20 == 0:
            print(f"step {step} tokens {tokens} loss {smooth:.4f} rate {rate:.3f} cpu {cpu:.2f} wall {wall:.2f} min", flush=True)
    print(f"done: {step} steps, {tokens} tokens, {time.process_time() / 60:.2f} CPU minutes", flush=True)


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--work", default="build/train")
    args.add_argument("--model", default="models/llmd-tiny")
    args.add_argument("--cpu-minutes", type=float, default=90)
    args.add_argument("--wall-minutes", type=float, default=1e9)
    args.add_argument("--export-minutes", type=float, default=10)
    args.add_argument("--seed", type=int, default=1)
    args.add_argument("--evaluate", action="store_true", help="only score the exported weights")
    args = args.parse_args()
    os.nice(19)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # vanishing attention weights are slow otherwise
    evaluate(args) if args.evaluate else train(args)


if __name__ == "__main__":
    main()
