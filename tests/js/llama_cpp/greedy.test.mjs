// SPDX-License-Identifier: Apache-2.0
// The engine and llama.cpp choose the same greedy tokens from the same weights.
import assert from "node:assert/strict";
import {execFileSync} from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import {after, before, test} from "node:test";
import {fileURLToPath} from "node:url";

import {evaluate, openContext} from "./peer.mjs";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const PROBE = path.join(process.env.LLMD_BUILD, "src/engine/model/model_probe");
const PROMPT_TOKENS = 64;
const GREEDY_TOKENS = 200;
const MARGIN = 1e-3; // closer than this, rounding may decide

let folder;
before(() => { folder = fs.mkdtempSync(path.join(os.tmpdir(), "llmd-llama-cpp-")); });
after(() => fs.rmSync(folder, {recursive: true, force: true}));

function python(script, ...args) {
  execFileSync("/usr/bin/python3", [path.join(ROOT, script), ...args], {stdio: "inherit"});
}

/** A random prompt, the same every time. */
function promptTokens(vocabulary) {
  let state = 1;
  return Array.from({length: PROMPT_TOKENS}, () => (state = (state * 48271) % 2147483647) % vocabulary);
}

/** llama.cpp's own greedy continuation: tokens fed, and its choice and margin after each. */
async function continueGreedily(sequence, prompt) {
  const tokens = [...prompt];
  const answers = await evaluate(sequence, prompt);
  for (let i = 0; i < GREEDY_TOKENS; i++) {
    tokens.push(answers.at(-1).choice);
    answers.push(...await evaluate(sequence, [tokens.at(-1)]));
  }
  return {tokens, answers};
}

function engineChoices(model, tokens) {
  const input = `0 ${tokens.join(" ")}\n`;
  return execFileSync(PROBE, [model], {input, timeout: 120_000}).toString().trim().split(/\s+/).map(Number);
}

for (const preset of ["tiny-random", "llama3-random", "qwen3-random"]) {
  test(`${preset}: ${GREEDY_TOKENS} greedy tokens equal llama.cpp's`, {timeout: 300_000}, async (t) => {
    const model = path.join(folder, preset);
    python("tools/make_random_model.py", preset, model);
    python("tests/reference/export_gguf.py", model, `${model}.gguf`, "--type", "f32");
    const vocabulary = JSON.parse(fs.readFileSync(path.join(model, "config.json"))).vocab_size;
    const {llama, context} = await openContext(`${model}.gguf`);
    t.after(() => llama.dispose());
    const {tokens, answers} = await continueGreedily(context.getSequence(), promptTokens(vocabulary));
    const found = engineChoices(model, tokens);
    assert.equal(found.length, answers.length);
    const different = answers.map((a, i) => ({...a, i, found: found[i]})).filter((a) => a.found !== a.choice);
    t.diagnostic(`${different.length} of ${found.length} differ within a margin of ${MARGIN}`);
    assert.deepEqual(different.filter((a) => a.margin > MARGIN), []);
  });
}
