#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a Hugging Face model directory with seeded random weights, for tests and benchmarks.

    make_random_model.py PRESET DIRECTORY [--seed N]

Needs nothing but Python 3.9. The same preset and seed give the same bytes everywhere. The text such
a model writes is noise; its name says so.
"""
import argparse
import json
import math
import pathlib
import random
import struct

LLAMA3_SCALING = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                  "original_max_position_embeddings": 64}
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MERGES = ["Ġ t", "h e", "Ġ a", "i n", "r e", "Ġt he", "o n", "e r", "Ġ s", "a t", "n d", "i s"]
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")


def preset(architecture="LlamaForCausalLM", **sizes):
    return {"architectures": [architecture],
            "model_type": "qwen3" if architecture.startswith("Qwen3") else "llama",
            "hidden_act": "silu", "attention_bias": False, "rms_norm_eps": 1e-5, "rope_theta": 10000.0,
            "rope_scaling": None, "tie_word_embeddings": True, "torch_dtype": "bfloat16",
            "max_position_embeddings": 2048} | sizes


def shape(hidden, layers, heads, kv_heads, head_dim, intermediate, vocab):
    return {"hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": heads,
            "num_key_value_heads": kv_heads, "head_dim": head_dim, "intermediate_size": intermediate,
            "vocab_size": vocab}


PRESETS = {
    "tiny-random": preset(**shape(64, 4, 4, 2, 16, 192, 320)),
    "llama3-random": preset(**shape(64, 3, 8, 4, 32, 256, 384), tie_word_embeddings=False, rope_theta=500000.0,
                            rope_scaling=LLAMA3_SCALING),
    "qwen3-random": preset("Qwen3ForCausalLM", **shape(64, 4, 4, 2, 32, 192, 320), rms_norm_eps=1e-6,
                           rope_theta=1000000.0),
    "llama-4m-random": preset(**shape(256, 4, 4, 2, 64, 704, 4096)),
    "llama-135m-random": preset(**shape(576, 30, 9, 3, 64, 1536, 49152), max_position_embeddings=8192),
}


def tensors(config):
    """(name, shape, deviation) in file order; deviation None stands for a vector of ones."""
    hidden, dim = config["hidden_size"], config["head_dim"]
    q, kv = config["num_attention_heads"] * dim, config["num_key_value_heads"] * dim
    wide, vocab = config["intermediate_size"], config["vocab_size"]
    yield "model.embed_tokens.weight", (vocab, hidden), hidden**-0.5
    for i in range(config["num_hidden_layers"]):
        layer = f"model.layers.{i}."
        yield layer + "input_layernorm.weight", (hidden,), None
        for name, rows, cols in (("q", q, hidden), ("k", kv, hidden), ("v", kv, hidden), ("o", hidden, q)):
            yield f"{layer}self_attn.{name}_proj.weight", (rows, cols), cols**-0.5
        if config["model_type"] == "qwen3":
            yield layer + "self_attn.q_norm.weight", (dim,), None
            yield layer + "self_attn.k_norm.weight", (dim,), None
        yield layer + "post_attention_layernorm.weight", (hidden,), None
        for name, rows, cols in (("gate", wide, hidden), ("up", wide, hidden), ("down", hidden, wide)):
            yield f"{layer}mlp.{name}_proj.weight", (rows, cols), cols**-0.5
    yield "model.norm.weight", (hidden,), None
    if not config["tie_word_embeddings"]:
        yield "lm_head.weight", (vocab, hidden), hidden**-0.5


def high_bytes(deviation):
    """A table from a random byte to a bf16's upper byte (sign and seven exponent bits).

    The lower byte is random: it picks between two exponents and a fraction. Two neighbouring upper
    bytes are mixed so that the variance comes out as asked.
    """
    def variance(upper):
        return sum(4.0 ** (2 * upper + low - 127) for low in (0, 1)) / 2 * 7 / 3

    upper = 0
    while variance(upper + 1) <= deviation**2:
        upper += 1
    share = (deviation**2 - variance(upper)) / (variance(upper + 1) - variance(upper))
    more = round(128 * share)
    half = [upper + 1] * more + [upper] * (128 - more)
    return bytes(half + [0x80 | b for b in half])


def tensor_bytes(rng, dims, deviation):
    count = math.prod(dims)
    if deviation is None:
        return b"\x80\x3f" * count
    out = bytearray(2 * count)
    out[0::2] = rng.randbytes(count)
    out[1::2] = rng.randbytes(count).translate(high_bytes(deviation))
    return bytes(out)


def write_weights(path, config, seed):
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, dims, _ in tensors(config):
        begin, end = end, end + 2 * math.prod(dims)
        header[name] = {"dtype": "BF16", "shape": list(dims), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % 64)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, dims, deviation in tensors(config):
            file.write(tensor_bytes(random.Random(f"{seed} {name}"), dims, deviation))


def byte_alphabet():
    """GPT-2's printable stand-in for each byte."""
    plain = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in plain]
    table = {b: chr(b) for b in plain} | {b: chr(256 + i) for i, b in enumerate(rest)}
    return [table[b] for b in range(256)]


def tokenizer(vocab_size):
    pieces = byte_alphabet() + [merge.replace(" ", "") for merge in MERGES]
    first = len(pieces)
    pieces += [f"<|unused_{i}|>" for i in range(vocab_size - first - len(SPECIAL))]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    added = [{"id": len(pieces) + i, "content": text, "single_word": False, "lstrip": False, "rstrip": False,
              "normalized": False, "special": True} for i, text in enumerate(SPECIAL)]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
            "pre_tokenizer": byte_level, "post_processor": None, "decoder": byte_level,
            "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                      "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False,
                      "ignore_merges": False, "vocab": vocab, "merges": MERGES}}


def write_model(name, directory, seed):
    config = dict(PRESETS[name])
    first_special = config["vocab_size"] - len(SPECIAL)
    ids = {"bos_token_id": first_special, "eos_token_id": first_special + 2}
    documents = {
        "config.json": config | ids,
        "generation_config.json": ids | {"do_sample": True, "temperature": 1.0},
        "tokenizer.json": tokenizer(config["vocab_size"]),
        "tokenizer_config.json": {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": SPECIAL[0],
                                  "eos_token": SPECIAL[2], "chat_template": CHAT_TEMPLATE,
                                  "model_max_length": config["max_position_embeddings"]},
    }
    directory.mkdir(parents=True, exist_ok=True)
    for file, content in documents.items():
        (directory / file).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    write_weights(directory / "model.safetensors", config, seed)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("preset", choices=PRESETS)
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    if "random" not in args.directory.name:
        parser.error("the directory's name must say 'random', so that nobody takes it for a trained model")
    write_model(args.preset, args.directory, args.seed)


if __name__ == "__main__":
    main()
