# SPDX-License-Identifier: Apache-2.0
"""The Llama architecture as plain functions over a dict of tensors under Hugging Face names."""
import json, os, struct

import torch

CONFIG = dict(
    architectures=["LlamaForCausalLM"], model_type="llama", vocab_size=4096, hidden_size=256, intermediate_size=480,
    num_hidden_layers=5, num_attention_heads=4, num_key_value_heads=2, head_dim=64, hidden_act="silu",
    max_position_embeddings=4096, rms_norm_eps=1e-5, rope_theta=10000.0, rope_scaling=None, tie_word_embeddings=True,
    attention_bias=False, mlp_bias=False, attention_dropout=0.0, initializer_range=0.02, pretraining_tp=1,
    bos_token_id=4093, eos_token_id=4095, pad_token_id=4093, use_cache=True, torch_dtype="bfloat16")
LAYERS, HIDDEN, HEADS = CONFIG["num_hidden_layers"], CONFIG["hidden_size"], CONFIG["num_attention_heads"]
KV_HEADS, HEAD = CONFIG["num_key_value_heads"], CONFIG["head_dim"]
EMBED = "model.embed_tokens.weight"
BLOCK = 256  # queries at a time: keys behind the block's end are never looked at


def new_weights(seed):
    generator = torch.Generator().manual_seed(seed)
    inner, shapes = CONFIG["intermediate_size"], {EMBED: (CONFIG["vocab_size"], HIDDEN)}
    for i in range(LAYERS):
        layer = {"self_attn.q_proj": (HEADS * HEAD, HIDDEN), "self_attn.k_proj": (KV_HEADS * HEAD, HIDDEN),
                 "self_attn.v_proj": (KV_HEADS * HEAD, HIDDEN), "self_attn.o_proj": (HIDDEN, HEADS * HEAD),
                 "mlp.gate_proj": (inner, HIDDEN), "mlp.up_proj": (inner, HIDDEN), "mlp.down_proj": (HIDDEN, inner),
                 "input_layernorm": (HIDDEN,), "post_attention_layernorm": (HIDDEN,)}
        shapes.update({f"model.layers.{i}.{name}.weight": shape for name, shape in layer.items()})
    shapes["model.norm.weight"] = (HIDDEN,)
    weights = {}
    for name, shape in shapes.items():
        if len(shape) == 1:
            weights[name] = torch.ones(shape)
        elif "o_proj" in name or "down_proj" in name:
            weights[name] = torch.zeros(shape)  # every block starts as the identity
        else:
            std = 0.02 if name == EMBED else 0.5 * shape[1] ** -0.5
            weights[name] = torch.randn(shape, generator=generator) * std
    return weights


class RmsNorm(torch.autograd.Function):
    """Written out because autograd's version walks over memory many more times."""

    @staticmethod
    def forward(ctx, x, weight):
        scale = (x.square().mean(-1, keepdim=True) + CONFIG["rms_norm_eps"]).rsqrt_()
        normed = x * scale
        ctx.save_for_backward(normed, scale, weight)
        return normed * weight

    @staticmethod
    def backward(ctx, grad):
        normed, scale, weight = ctx.saved_tensors
        grad_weight = (grad * normed).sum(tuple(range(grad.dim() - 1)))
        grad = grad * weight
        along = (grad * normed).mean(-1, keepdim=True)
        return grad.addcmul_(normed, along, value=-1).mul_(scale), grad_weight


class TiedLoss(torch.autograd.Function):
    """Cross-entropy of hidden @ embed.T, a slice at a time, so that the logits stay in cache."""

    @staticmethod
    def forward(ctx, hidden, embed, targets):
        grad_hidden, grad_embed, loss = torch.empty_like(hidden), torch.zeros_like(embed), 0.0
        for part in torch.arange(len(hidden)).split(256):
            rows, part_hidden, part_targets = part - part[0], hidden[part], targets[part]
            logits = part_hidden @ embed.t()
            logits -= logits.amax(1, keepdim=True)
            picked = logits[rows, part_targets]
            probs = logits.exp_()
            total = probs.sum(1, keepdim=True)
            loss += (total.squeeze(1).log() - picked).sum().item()
            probs /= total
            probs[rows, part_targets] -= 1
            grad_hidden[part] = probs @ embed
            grad_embed.addmm_(probs.t(), part_hidden)
        ctx.save_for_backward(grad_hidden / len(hidden), grad_embed / len(hidden))
        return hidden.new_tensor(loss / len(hidden))

    @staticmethod
    def backward(ctx, grad):
        grad_hidden, grad_embed = ctx.saved_tensors
        return grad_hidden * grad, grad_embed * grad, None


def rotary(length):
    """Cosines and signed sines for the half-split rotation."""
    inverse = CONFIG["rope_theta"] ** (-torch.arange(0, HEAD, 2).double() / HEAD)
    angles = torch.outer(torch.arange(length).double(), inverse).float()
    return torch.cat([angles.cos()] * 2, 1), torch.cat([-angles.sin(), angles.sin()], 1)


def rotate(x, cos, sin):
    low, high = x.chunk(2, -1)
    return x * cos + torch.cat([high, low], -1) * sin


def attention(q, k, v):
    """Causal; q is [batch, kv head, group, time, dim], k and v lack the group."""
    out, group, mask = [], q.shape[2], torch.full((BLOCK, BLOCK), float("-inf")).triu_(1)
    for start in range(0, q.shape[3], BLOCK):
        block = q[:, :, :, start:start + BLOCK]
        size, end = block.shape[3], start + block.shape[3]
        scores = block.flatten(2, 3) @ k[:, :, :end].transpose(2, 3)
        scores.view(*scores.shape[:2], group, size, end)[..., start:].add_(mask[:size, :size])
        out.append((scores.softmax(-1) @ v[:, :, :end]).view(block.shape))
    return torch.cat(out, 3)


def layer(weights, prefix, x, cos, sin):
    def linear(name, value):
        return value @ weights[f"{prefix}.{name}.weight"].t()

    batch, length, _ = x.shape
    h = RmsNorm.apply(x, weights[prefix + ".input_layernorm.weight"])
    q = linear("self_attn.q_proj", h).view(batch, length, KV_HEADS, HEADS // KV_HEADS, HEAD).permute(0, 2, 3, 1, 4)
    k = linear("self_attn.k_proj", h).view(batch, length, KV_HEADS, HEAD).transpose(1, 2)
    v = linear("self_attn.v_proj", h).view(batch, length, KV_HEADS, HEAD).transpose(1, 2)
    mixed = attention(rotate(q, cos, sin) * HEAD ** -0.5, rotate(k, cos, sin), v)
    x = x + linear("self_attn.o_proj", mixed.permute(0, 3, 1, 2, 4).reshape(batch, length, HEADS * HEAD))
    h = RmsNorm.apply(x, weights[prefix + ".post_attention_layernorm.weight"])
    gated = torch.nn.functional.silu(linear("mlp.gate_proj", h)) * linear("mlp.up_proj", h)
    return x + linear("mlp.down_proj", gated)


def hidden_states(weights, ids):
    cos, sin = rotary(ids.shape[1])
    x = weights[EMBED][ids]
    for i in range(LAYERS):
        x = layer(weights, f"model.layers.{i}", x, cos, sin)
    return RmsNorm.apply(x, weights["model.norm.weight"])


def loss(weights, ids):
    """Mean loss of predicting ids[:, 1:]."""
    return TiedLoss.apply(hidden_states(weights, ids[:, :-1]).flatten(0, 1), weights[EMBED], ids[:, 1:].flatten())


def token_losses(weights, ids):
    logits = hidden_states(weights, ids[:, :-1]) @ weights[EMBED].t()
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten(), reduction="none")


def save(weights, path):
    """Safetensors in bf16: length, JSON header padded to 8 bytes, tensors; renamed into place."""
    header, blobs, offset = {"__metadata__": {"format": "pt"}}, [], 0
    for name in sorted(weights):
        blob = weights[name].detach().bfloat16().view(torch.int16).numpy().tobytes()
        header[name] = dict(dtype="BF16", shape=list(weights[name].shape), data_offsets=[offset, offset + len(blob)])
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".part", "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    os.replace(path + ".part", path)


def load(path):
    data = open(path, "rb").read()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    header, weights = json.loads(data[8:start]), {}
    header.pop("__metadata__", None)
    for name, entry in header.items():
        begin, end = (start + o for o in entry["data_offsets"])
        raw = torch.frombuffer(bytearray(data[begin:end]), dtype=torch.int16)
        weights[name] = raw.view(torch.bfloat16).float().view(entry["shape"])
    return weights
