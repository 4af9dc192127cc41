// SPDX-License-Identifier: Apache-2.0
// The gateway's own count of a prompt's tokens is the engine's.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { Engine } from '../engine/engine.mjs';
import * as simulated from '../simulated/simulated.mjs';
import { startGateway, until } from './gateway.mjs';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'llmd-tokens-'));
after(() => fs.rmSync(folder, { recursive: true }));

const kTools = [{ type: 'function', function: { name: 'add', description: 'Adds "numbers"',
  parameters: { type: 'object', properties: { a: { type: 'number' } } } } }];
const kTalk = [
  { role: 'system', content: 'Answer in one word.' },
  { role: 'user', content: 'Größe? 漢字 "quoted" \\ back' },
  { role: 'assistant', content: 'Oui.' },
  { role: 'user', content: [{ type: 'text', text: 'And' }, { type: 'text', text: 'now?' }] },
];

const kPrompts = {
  'a chat': ['/v1/chat/completions', { messages: [{ role: 'user', content: 'hello' }] }],
  'a chat of several turns': ['/v1/chat/completions', { messages: kTalk }],
  'a chat with tools': ['/v1/chat/completions', { messages: kTalk, tools: kTools, tool_choice: 'auto' }],
  'tools that may not be called': ['/v1/chat/completions', { messages: kTalk, tools: kTools, tool_choice: 'none' }],
  'no generation prompt': ['/v1/chat/completions', { messages: kTalk, add_generation_prompt: false }],
  'a name for the template': ['/v1/chat/completions',
    { messages: kTalk, chat_template_kwargs: { enable_thinking: false } }],
  'special tokens around a chat': ['/v1/chat/completions', { messages: kTalk, add_special_tokens: true }],
  'a text': ['/v1/completions', { prompt: 'Once upon a time, Größe' }],
  'a text without special tokens': ['/v1/completions', { prompt: 'Once', add_special_tokens: false }],
  'ids': ['/v1/completions', { prompt: [11, 12, 13, 14, 15] }],
  'several texts': ['/v1/completions', { prompt: ['one', 'and another'] }],
  'several lists of ids': ['/v1/completions', { prompt: [[11, 12], [13]] }],
  'a salt': ['/v1/completions', { prompt: 'Once', cache_salt: 'mine' }],
};

/** A gateway that reads `tokenizer` before one engine, and what the tests ask of both. */
async function withGateway(engine, tokenizer) {
  const file = path.join(folder, `${path.basename(tokenizer)}.yaml`);
  fs.writeFileSync(file, `apiVersion: llm-d.ai/v1
kind: EndpointPickerConfig
plugins:
- {type: token-producer, parameters: {backend: local, path: ${tokenizer}}}
- {type: queue-scorer}
schedulingProfiles:
- {name: default, plugins: [{pluginRef: queue-scorer}]}
`);
  const gateway = await startGateway([engine.url], ['-f', file]);
  const [{ id }] = (await engine.get('/v1/models')).body.data;
  const ask = async (where, url, body, init = {}) => {
    const response = await fetch(where.url + url,
      { method: 'POST', body: JSON.stringify({ model: id, ...body }), ...init });
    return { status: response.status, body: await response.json() };
  };
  return { gateway, engine, ask };
}

const running = {};
before(async () => {
  running.tiny = await withGateway(await Engine.start(), process.env.LLMD_MODEL);
  running.words4 = await withGateway(await simulated.start(), 'words4');
});
after(async () => {
  for (const { gateway, engine } of Object.values(running)) {
    await gateway.stop();
    await engine.stop();
  }
});

for (const kind of ['tiny', 'words4']) {
  for (const [name, [url, body]] of Object.entries(kPrompts)) {
    test(`${kind}: ${name}`, async () => {
      const { gateway, ask } = running[kind];
      const before = await gateway.metric('llmd_prompt_tokens_total');
      const answer = await ask(gateway, url, { max_tokens: 2, ...body });
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      const counted = await gateway.metric('llmd_prompt_tokens_total') - before;
      assert.equal(counted, answer.body.usage.prompt_tokens);
    });
  }

  test(`${kind}: /tokenize and /detokenize say what the engine says`, async () => {
    const { gateway, engine, ask } = running[kind];
    for (const body of [{ prompt: 'Once upon a time' }, { messages: kTalk, tools: kTools },
      { prompt: 'Größe', return_token_strs: true, add_special_tokens: false }]) {
      const own = await ask(gateway, '/tokenize', body);
      assert.deepEqual(own, await ask(engine, '/tokenize', body));
      const { tokens } = own.body;
      assert.deepEqual(await ask(gateway, '/detokenize', { tokens }), await ask(engine, '/detokenize', { tokens }));
    }
    // What the gateway does not understand is the engine's to judge.
    const odd = { prompt: 7 };
    assert.deepEqual(await ask(gateway, '/tokenize', odd), await ask(engine, '/tokenize', odd));
  });
}

test('/tokenize is answered while no engine lives', async () => {
  const engine = await simulated.start();
  const { gateway, ask } = await withGateway(engine, 'words4');
  engine.child.kill('SIGKILL');
  await engine.exited;
  const { status, body } = await ask(gateway, '/tokenize', { prompt: 'abcdefgh' });
  await gateway.stop();
  assert.equal(status, 200);
  assert.equal(body.count, 2);
});

test('short requests pass while long prompts are read', async () => {
  const { gateway, ask } = running.words4;
  const chat = (words) => ({ max_tokens: 1, messages: [{ role: 'user', content: 'abc '.repeat(words) }] });
  const onThreads = () => gateway.metric('llmd_prompts_tokenized_total{where="thread"}');
  const before = await onThreads();
  const long = Array.from({ length: 8 }, () => ask(gateway, '/v1/chat/completions', chat(20_000)));
  const short = Array.from({ length: 32 }, () => ask(gateway, '/v1/chat/completions', chat(5)));
  for (const { status } of await Promise.all([...long, ...short])) assert.equal(status, 200);
  assert.equal(await onThreads() - before, long.length);
});

test('a client that leaves while its prompt is read leaves nothing behind', async () => {
  const { gateway, engine, ask } = running.words4;
  for (let i = 0; i < 20; ++i) {
    const controller = new AbortController();
    const asked = ask(gateway, '/v1/completions', { prompt: 'abc '.repeat(20_000 + i), max_tokens: 1 },
      { signal: controller.signal }).catch(() => {});
    if (i % 2 === 0) await new Promise(setImmediate);
    controller.abort();
    await asked;
  }
  assert.equal((await ask(gateway, '/v1/completions', { prompt: 'abcd', max_tokens: 1 })).status, 200);
  await engine.idle();
  await until(async () => await gateway.metric('llm_d_epp_request_running') === 0, 'nothing runs');
});
