#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Llama and Qwen3 in plain NumPy: an independent opinion on what the engine should answer.

Reads a Hugging Face directory (one model.safetensors). float32 throughout, one token at a time.
"""
import json
import math
import pathlib
import struct

import numpy as np

DTYPES = {"F32": np.float32, "F16": np.float16, "BF16": np.uint16}


def read_safetensors(path):
    """All tensors as float32."""
    raw = np.memmap(path, np.uint8, "r")
    size = struct.unpack("<Q", raw[:8].tobytes())[0]
    header = json.loads(raw[8:8 + size].tobytes())
    data = raw[8 + size:]
    out = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        values = data[begin:end].view(DTYPES[entry["dtype"]])
        if entry["dtype"] == "BF16":
            values = (values.astype(np.uint32) << 16).view(np.float32)
        out[name] = values.astype(np.float32).reshape(entry["shape"])
    return out


def inverse_frequencies(config):
    dim = config["head_dim"]
    frequency = config["rope_theta"] ** (-np.arange(0, dim, 2, dtype=np.float64) / dim)
    scaling = config.get("rope_scaling")
    if scaling and scaling.get("rope_type", scaling.get("type")) == "llama3":
        low = scaling["original_max_position_embeddings"] / scaling["low_freq_factor"]
        high = scaling["original_max_position_embeddings"] / scaling["high_freq_factor"]
        wavelength = 2 * math.pi / frequency
        smooth = (scaling["original_max_position_embeddings"] / wavelength - scaling["low_freq_factor"]) / (
            scaling["high_freq_factor"] - scaling["low_freq_factor"])
        blended = (1 - smooth) * frequency / scaling["factor"] + smooth * frequency
        frequency = np.where(wavelength > low, frequency / scaling["factor"],
                             np.where(wavelength < high, frequency, blended))
    return frequency.astype(np.float32)


def norm(x, weight, epsilon):
    return x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + np.float32(epsilon)) * weight


def rotate(x, cos, sin):
    half = x.shape[-1] // 2
    turned = np.concatenate([-x[..., half:], x[..., :half]], axis=-1)
    return x * np.concatenate([cos, cos]) + turned * np.concatenate([sin, sin])


class Reference:
    """One sequence: feed() takes the next token and returns the logits for the one after."""

    def __init__(self, directory):
        directory = pathlib.Path(directory)
        config = json.loads((directory / "config.json").read_text())
        config.setdefault("num_key_value_heads", config["num_attention_heads"])
        if not config.get("head_dim"):
            config["head_dim"] = config["hidden_size"] // config["num_attention_heads"]
        config.setdefault("rope_theta", 10000.0)
        self.config = config
        self.weights = read_safetensors(directory / "model.safetensors")
        self.frequencies = inverse_frequencies(config)
        self.layers = config["num_hidden_layers"]
        self.reset()

    def reset(self):
        self.position = 0
        self.keys = [[] for _ in range(self.layers)]
        self.values = [[] for _ in range(self.layers)]

    def feed(self, token):
        x = self.weights["model.embed_tokens.weight"][token]
        angle = np.float32(self.position) * self.frequencies
        for layer in range(self.layers):
            x = self.block(layer, x, np.cos(angle), np.sin(angle))
        self.position += 1
        x = norm(x, self.weights["model.norm.weight"], self.config["rms_norm_eps"])
        head = "model.embed_tokens.weight" if self.config.get("tie_word_embeddings") else "lm_head.weight"
        return self.weights[head] @ x

    def block(self, layer, x, cos, sin):
        def weight(name):
            return self.weights[f"model.layers.{layer}.{name}.weight"]

        epsilon = self.config["rms_norm_eps"]
        x = x + weight("self_attn.o_proj") @ self.attention(
            layer, norm(x, weight("input_layernorm"), epsilon), cos, sin, weight)
        y = norm(x, weight("post_attention_layernorm"), epsilon)
        gate = weight("mlp.gate_proj") @ y
        return x + weight("mlp.down_proj") @ (gate / (1 + np.exp(-gate)) * (weight("mlp.up_proj") @ y))

    def attention(self, layer, x, cos, sin, weight):
        dim, kv_heads = self.config["head_dim"], self.config["num_key_value_heads"]
        q = (weight("self_attn.q_proj") @ x).reshape(-1, dim)
        k = (weight("self_attn.k_proj") @ x).reshape(kv_heads, dim)
        v = (weight("self_attn.v_proj") @ x).reshape(kv_heads, dim)
        if self.config["model_type"] == "qwen3":
            q = norm(q, weight("self_attn.q_norm"), self.config["rms_norm_eps"])
            k = norm(k, weight("self_attn.k_norm"), self.config["rms_norm_eps"])
        self.keys[layer].append(rotate(k, cos, sin))
        self.values[layer].append(v)
        keys, values = np.stack(self.keys[layer], 1), np.stack(self.values[layer], 1)  # [head, token, dim]
        q = rotate(q, cos, sin).reshape(kv_heads, -1, dim)
        scores = np.einsum("hgd,htd->hgt", q, keys) / np.float32(math.sqrt(dim))
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        return np.einsum("hgt,htd->hgd", scores, values).reshape(-1)


def greedy(reference, prompt, first, count):
    """Feeds the prompt, then `count` tokens of its own greedy choice.

    Returns the tokens fed and, after each from index `first` on, the greedy choice and the distance
    of its logit to the next best.
    """
    tokens, choices, margins = list(prompt), [], []
    for index in range(len(prompt) + count):
        logits = reference.feed(tokens[index])
        if index >= first:
            second, best = np.partition(logits, -2)[-2:]
            choices.append(int(np.argmax(logits)))
            margins.append(float(best - second))
        if index + 1 >= len(prompt):
            tokens.append(choices[-1])
    return tokens[:-1], choices, margins
