#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Byte-level BPE: learn the merges, write tokenizer.json, encode the corpus to token ids."""
import argparse, array, collections, heapq, json, os, re

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
# The same split written twice: for tokenizer.json, and for Python's re, which
# has no \p{L} and \p{N}.
SPLIT = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
SPLIT_RE = re.compile(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|(?:[^\r\n\w]|_)?[^\W\d_]+|\d{1,3}| ?(?:[^\s\w]|_)+[\r\n]*"
                      r"|\s*[\r\n]+|\s+(?!\S)|\s+")


def byte_alphabet():
    """GPT-2's mapping: printable bytes stand for themselves, the rest move above 255."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    table, spare = {}, 256
    for byte in range(256):
        table[byte] = chr(byte) if byte in printable else chr(spare)
        spare += byte not in printable
    return table


BYTES = byte_alphabet()


def spell(word):
    return [BYTES[b] for b in word.encode()]


def merge_word(parts, left, right):
    out, i = [], 0
    while i < len(parts):
        if i + 1 < len(parts) and parts[i] == left and parts[i + 1] == right:
            out.append(left + right)
            i += 2
        else:
            out.append(parts[i])
            i += 1
    return out


def learn(counts, pieces):
    """Merge the most frequent pair until there are enough pieces; ties go to the lesser pair."""
    words = [(spell(w), n) for w, n in counts.items()]
    pair_count, pair_words = collections.Counter(), collections.defaultdict(set)
    for index, (parts, n) in enumerate(words):
        for pair in zip(parts, parts[1:]):
            pair_count[pair] += n
            pair_words[pair].add(index)
    heap = [(-n, pair) for pair, n in pair_count.items()]
    heapq.heapify(heap)
    merges = []
    while len(merges) < pieces and heap:
        n, pair = heapq.heappop(heap)
        if -n != pair_count[pair]:
            # Counts only become stale in the heap; put the true one back.
            if pair_count[pair] > 0:
                heapq.heappush(heap, (-pair_count[pair], pair))
            continue
        merges.append(pair)
        changed = set()
        for index in pair_words.pop(pair):
            parts, n = words[index]
            for old in zip(parts, parts[1:]):
                pair_count[old] -= n
            parts = merge_word(parts, *pair)
            words[index] = (parts, n)
            for new in zip(parts, parts[1:]):
                pair_count[new] += n
                pair_words[new].add(index)
                changed.add(new)
        del pair_count[pair]
        for new in changed:
            heapq.heappush(heap, (-pair_count[new], new))
    return merges


class Encoder:
    def __init__(self, merges):
        self.rank = {tuple(m): i for i, m in enumerate(merges)}
        names = [BYTES[b] for b in range(256)] + [a + b for a, b in merges] + SPECIALS
        self.ids = {name: i for i, name in enumerate(names)}
        self.cache = {}

    def decode(self, ids):
        names, back = list(self.ids), {c: b for b, c in BYTES.items()}
        text = "".join(names[i] for i in ids if names[i] not in SPECIALS)
        return bytes(back[c] for c in text).decode(errors="replace")

    def word(self, word):
        if word not in self.cache:
            parts = spell(word)
            while len(parts) > 1:
                best = min(zip(parts, parts[1:]), key=lambda p: self.rank.get(p, 1 << 30))
                if best not in self.rank:
                    break
                parts = merge_word(parts, *best)
            self.cache[word] = [self.ids[p] for p in parts]
        return self.cache[word]

    def text(self, text):
        return [i for word in SPLIT_RE.findall(text) for i in self.word(word)]

    def chat(self, talk):
        """What the chat template writes, one message after the other."""
        ids = []
        for role, content in talk:
            ids += [self.ids["<|im_start|>"], *self.text(role + "\n" + content), self.ids["<|im_end|>"], *self.text("\n")]
        return ids


def load(path):
    model = json.load(open(path, encoding="utf-8"))["model"]
    return Encoder([tuple(m.split(" ")) for m in model["merges"]])


def tokenizer_json(encoder):
    special = [dict(id=encoder.ids[s], content=s, single_word=False, lstrip=False, rstrip=False, normalized=False,
                    special=True) for s in SPECIALS]
    byte_level = dict(type="ByteLevel", add_prefix_space=False, trim_offsets=True, use_regex=False)
    split = dict(type="Split", pattern=dict(Regex=SPLIT), behavior="Isolated", invert=False)
    return dict(version="1.0", truncation=None, padding=None, added_tokens=special, normalizer=None,
                pre_tokenizer=dict(type="Sequence", pretokenizers=[split, byte_level]),
                post_processor=None, decoder=byte_level,
                model=dict(type="BPE", dropout=None, unk_token=None, continuing_subword_prefix=None,
                           end_of_word_suffix=None, fuse_unk=False, byte_fallback=False, ignore_merges=False,
                           vocab={k: v for k, v in encoder.ids.items() if k not in SPECIALS},
                           merges=[" ".join(m) for m in sorted(encoder.rank, key=encoder.rank.get)]))


def write_ids(path, ids):
    with open(path, "wb") as out:
        array.array("H", ids).tofile(out)
    print(path, len(ids), "tokens", flush=True)


def read_lines(path):
    return [json.loads(line) for line in open(path, encoding="utf-8") if line.strip()]


def encode_all(encoder, work):
    for part in ("train", "heldout"):
        documents = open(f"{work}/{part}.txt", encoding="utf-8").read().split("\0")
        end = encoder.ids["<|endoftext|>"]
        write_ids(f"{work}/{part}.ids", [i for d in documents for i in (*encoder.text(d), end)])
    for part in ("chat", "chat_heldout"):
        talks = [encoder.chat(t) + [encoder.ids["<|endoftext|>"]] for t in read_lines(f"{work}/{part}.jsonl")]
        write_ids(f"{work}/{part}.ids", [i for t in talks for i in t])


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--work", default="build/train")
    args.add_argument("--model", default="models/llmd-tiny")
    args.add_argument("--vocab", type=int, default=4096)
    args = args.parse_args()
    counts = collections.Counter(SPLIT_RE.findall(open(f"{args.work}/train.txt", encoding="utf-8").read().replace("\0", "")))
    for talk in read_lines(f"{args.work}/chat.jsonl"):
        for role, content in talk:
            counts.update(SPLIT_RE.findall(role + "\n" + content))
    counts = {w: n for w, n in counts.items() if n > 2}
    print(len(counts), "distinct words", flush=True)
    encoder = Encoder(learn(counts, args.vocab - 256 - len(SPECIALS)))
    os.makedirs(args.model, exist_ok=True)
    with open(f"{args.model}/tokenizer.json", "w", encoding="utf-8") as out:
        json.dump(tokenizer_json(encoder), out, ensure_ascii=False, indent=1)
    encode_all(encoder, args.work)


if __name__ == "__main__":
    main()
