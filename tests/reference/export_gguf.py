#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a Hugging Face Llama or Qwen3 directory as GGUF, so that llama.cpp runs the same weights.

    export_gguf.py MODEL_DIR OUT.gguf [--type f32|bf16]

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (version 3).
"""
import argparse
import json
import pathlib
import struct

import numpy as np

from forward import inverse_frequencies, read_safetensors

ALIGNMENT = 32
U32, F32, STRING, ARRAY, I32 = 4, 6, 8, 9, 5
TENSOR_F32, TENSOR_BF16 = 0, 30
FILE_TYPE = {"f32": 0, "bf16": 32}
NORMAL, CONTROL = 1, 3
LAYER_NAMES = {"input_layernorm": "attn_norm", "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k",
               "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm",
               "self_attn.k_norm": "attn_k_norm", "post_attention_layernorm": "ffn_norm",
               "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
OUTER_NAMES = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
               "lm_head.weight": "output.weight"}


def text(value):
    raw = value.encode()
    return struct.pack("<Q", len(raw)) + raw


def scalar(kind, value):
    return text(value) if kind == STRING else struct.pack({U32: "<I", I32: "<i", F32: "<f"}[kind], value)


def entry(key, kind, value):
    return text(key) + struct.pack("<I", kind) + scalar(kind, value)


def array(key, kind, values):
    head = text(key) + struct.pack("<IIQ", ARRAY, kind, len(values))
    return head + b"".join(scalar(kind, value) for value in values)


def shape_entries(config, kind):
    arch = config["model_type"]
    yield entry("general.architecture", STRING, arch)
    yield entry("general.name", STRING, "exported for a comparison")
    yield entry("general.file_type", U32, FILE_TYPE[kind])
    sizes = {"context_length": "max_position_embeddings", "embedding_length": "hidden_size",
             "block_count": "num_hidden_layers", "feed_forward_length": "intermediate_size",
             "attention.head_count": "num_attention_heads", "attention.head_count_kv": "num_key_value_heads",
             "attention.key_length": "head_dim", "attention.value_length": "head_dim",
             "rope.dimension_count": "head_dim", "vocab_size": "vocab_size"}
    for key, name in sizes.items():
        yield entry(f"{arch}.{key}", U32, config[name])
    yield entry(f"{arch}.attention.layer_norm_rms_epsilon", F32, config["rms_norm_eps"])
    yield entry(f"{arch}.rope.freq_base", F32, config["rope_theta"])


def tokenizer_entries(directory, config):
    """Enough for llama.cpp to load; the comparison passes token ids only."""
    tokenizer = json.loads((directory / "tokenizer.json").read_text())
    pieces = {i: piece for piece, i in tokenizer["model"]["vocab"].items()}
    special = {token["id"]: token["content"] for token in tokenizer["added_tokens"]}
    everything = pieces | special
    ids = range(config["vocab_size"])
    merges = [m if isinstance(m, str) else " ".join(m) for m in tokenizer["model"]["merges"]]
    yield entry("tokenizer.ggml.model", STRING, "gpt2")
    yield entry("tokenizer.ggml.pre", STRING, "gpt-2")
    yield array("tokenizer.ggml.tokens", STRING, [everything.get(i, f"<|missing_{i}|>") for i in ids])
    yield array("tokenizer.ggml.token_type", I32, [CONTROL if i in special else NORMAL for i in ids])
    yield array("tokenizer.ggml.merges", STRING, merges)
    for key in ("bos", "eos"):
        if isinstance(config.get(f"{key}_token_id"), int):
            yield entry(f"tokenizer.ggml.{key}_token_id", U32, config[f"{key}_token_id"])


def interleave(weight, heads):
    """From halves (i, i + dim/2) to neighbours (2i, 2i + 1), which is how llama.cpp rotates Llama."""
    rows, cols = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, cols).swapaxes(1, 2).reshape(rows, cols)


def gguf_tensors(config, weights):
    scaled = config.get("rope_scaling")
    if scaled:
        plain = inverse_frequencies(config | {"rope_scaling": None})
        yield "rope_freqs.weight", plain / inverse_frequencies(config)
    for name, value in weights.items():
        if name in OUTER_NAMES:
            if name != "lm_head.weight" or not config["tie_word_embeddings"]:
                yield OUTER_NAMES[name], value
            continue
        layer, inner = name.removeprefix("model.layers.").removesuffix(".weight").split(".", 1)
        if config["model_type"] == "llama" and inner in ("self_attn.q_proj", "self_attn.k_proj"):
            heads = "num_attention_heads" if "q_proj" in inner else "num_key_value_heads"
            value = interleave(value, config[heads])
        yield f"blk.{layer}.{LAYER_NAMES[inner]}.weight", value


def encode(value, kind):
    """(type, bytes); vectors stay f32, as llama.cpp's own converter leaves them."""
    if kind == "f32" or value.ndim == 1:
        return TENSOR_F32, np.ascontiguousarray(value, np.float32).tobytes()
    bits = np.ascontiguousarray(value, np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return TENSOR_BF16, rounded.astype(np.uint16).tobytes()


def export(directory, path, kind):
    config = json.loads((directory / "config.json").read_text())
    config.setdefault("num_key_value_heads", config["num_attention_heads"])
    config.setdefault("rope_theta", 10000.0)
    if not config.get("head_dim"):
        config["head_dim"] = config["hidden_size"] // config["num_attention_heads"]
    entries = [*shape_entries(config, kind), *tokenizer_entries(directory, config)]
    infos, blobs, offset = [], [], 0
    for name, value in gguf_tensors(config, read_safetensors(directory / "model.safetensors")):
        type_id, raw = encode(value, kind)
        dims = value.shape[::-1]
        infos.append(text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, type_id, offset))
        blobs.append(raw + bytes(-len(raw) % ALIGNMENT))
        offset += len(blobs[-1])
    head = b"GGUF" + struct.pack("<IQQ", 3, len(infos), len(entries)) + b"".join(entries) + b"".join(infos)
    with open(path, "wb") as file:
        file.write(head + bytes(-len(head) % ALIGNMENT))
        file.writelines(blobs)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--type", choices=FILE_TYPE, default="f32")
    args = parser.parse_args()
    export(args.model, args.out, args.type)


if __name__ == "__main__":
    main()
