// SPDX-License-Identifier: Apache-2.0
// The official client against one engine.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import OpenAI from 'openai';
import { Engine, until } from './engine.mjs';

let engine;
let client;
const model = 'tiny';
const messages = [{ role: 'user', content: 'Hello there' }];

before(async () => {
  engine = await Engine.start('--served-model-name', 'tiny', 'alias');
  client = engine.client();
});
after(async () => { assert.equal(await engine.stop(), 0); });

async function refusal(promise) {
  return promise.then(() => assert.fail('was accepted'), (error) => {
    assert.ok(error instanceof OpenAI.APIError, String(error));
    return error;
  });
}

test('chat', async () => {
  const answer = await client.chat.completions.create({ model, messages, max_tokens: 6, temperature: 0 });
  assert.equal(answer.object, 'chat.completion');
  assert.equal(answer.model, model);
  assert.equal(answer.choices[0].message.role, 'assistant');
  assert.equal(typeof answer.choices[0].message.content, 'string');
  assert.ok(['stop', 'length'].includes(answer.choices[0].finish_reason));
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
  assert.equal(typeof answer.usage.prompt_tokens_details.cached_tokens, 'number');
});

test('content parts are text like any other', async () => {
  const parts = [{ role: 'user', content: [{ type: 'text', text: 'Hello there' }] }];
  const ask = (what) => client.chat.completions.create({ model, messages: what, max_tokens: 6, temperature: 0 });
  assert.equal((await ask(parts)).choices[0].message.content, (await ask(messages)).choices[0].message.content);
});

test('completion', async () => {
  const answer = await client.completions.create({ model: 'alias', prompt: 'Once upon', temperature: 0 });
  assert.equal(answer.object, 'text_completion');
  assert.equal(answer.model, 'alias');
  assert.ok(answer.usage.completion_tokens <= 16);  // the default of max_tokens
});

test('several prompts and choices', async () => {
  const answer = await client.completions.create(
    { model, prompt: ['a b', 'c d'], n: 3, seed: 5, max_tokens: 12, temperature: 1 });
  assert.deepEqual(answer.choices.map((choice) => choice.index), [0, 1, 2, 3, 4, 5]);
  const texts = answer.choices.slice(0, 3).map((choice) => choice.text);
  assert.ok(new Set(texts).size > 1, 'choices have seeds of their own');
  const again = await client.completions.create(
    { model, prompt: 'a b', n: 3, seed: 5, max_tokens: 12, temperature: 1 });
  assert.deepEqual(again.choices.map((choice) => choice.text), texts);
});

test('streamed chat equals the whole answer', async () => {
  const body = { model, messages, max_tokens: 20, temperature: 0 };
  const whole = await client.chat.completions.create(body);
  const stream = await client.chat.completions.create(
    { ...body, stream: true, stream_options: { include_usage: true } });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  assert.equal(chunks[0].choices[0].delta.role, 'assistant');
  const text = chunks.flatMap((chunk) => chunk.choices).map((choice) => choice.delta.content ?? '').join('');
  assert.equal(text, whole.choices[0].message.content);
  const last = chunks.at(-1);
  assert.deepEqual(last.choices, []);
  assert.equal(last.usage.completion_tokens, whole.usage.completion_tokens);
  assert.equal(chunks.at(-2).choices[0].finish_reason, whole.choices[0].finish_reason);
  assert.equal(new Set(chunks.map((chunk) => chunk.id)).size, 1);
});

test('streamed completion, with usage in every chunk where asked for', async () => {
  const stream = await client.completions.create({ model, prompt: 'Once upon', max_tokens: 5, temperature: 0,
    stream: true, ignore_eos: true, return_token_ids: true,
    stream_options: { include_usage: true, continuous_usage_stats: true } });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  assert.deepEqual(chunks.map((chunk) => chunk.usage.completion_tokens), [1, 2, 3, 4, 5, 5]);
  assert.equal(chunks[0].choices[0].prompt_token_ids.length, chunks[0].usage.prompt_tokens);
  const ids = chunks.flatMap((chunk) => chunk.choices).flatMap((choice) => choice.token_ids);
  assert.deepEqual(ids, await engine.tokens('Once upon', 5));
});

test('models', async () => {
  const list = await client.models.list();
  assert.deepEqual(list.data.map((entry) => entry.id), ['tiny', 'alias']);
  assert.equal(list.data[0].max_model_len, 2048);
});

test('errors have the API\'s shape', async () => {
  const unknown = await refusal(client.chat.completions.create({ model: 'nope', messages }));
  assert.equal(unknown.status, 404);
  assert.equal(unknown.code, 'model_not_found');
  assert.match(unknown.message, /tiny, alias/);
  const long = await refusal(client.completions.create({ model, prompt: 'x '.repeat(5000) }));
  assert.equal(long.status, 400);
  assert.equal(long.code, 'context_length_exceeded');
  assert.match(long.message, /2048/);
  const much = await refusal(client.chat.completions.create({ model, messages, max_tokens: 2048 }));
  assert.equal(much.code, 'context_length_exceeded');
  const wrong = await refusal(client.chat.completions.create({ model, messages, temperature: -1 }));
  assert.equal(wrong.status, 400);
  assert.equal(wrong.param, 'temperature');
  const beyond = await refusal(client.completions.create({ model, prompt: [1, 99999999] }));
  assert.equal(beyond.status, 400);
  const forced = await refusal(client.chat.completions.create({ model, messages, tool_choice: 'required',
    tools: [{ type: 'function', function: { name: 'f' } }] }));
  assert.equal(forced.status, 501);
  assert.match(forced.message, /tool choice/);
  const logprobs = await refusal(client.chat.completions.create({ model, messages, logprobs: true }));
  assert.equal(logprobs.status, 501);
  assert.equal(logprobs.param, 'logprobs');
});

test('bad JSON, unknown paths, wrong methods', async () => {
  const broken = await engine.post('/v1/completions', '{"prompt":');
  assert.equal(broken.status, 400);
  assert.equal(broken.body.error.type, 'invalid_request_error');
  assert.equal((await engine.post('/v1/nothing', {})).status, 404);
  assert.equal((await engine.get('/v1/completions')).status, 405);
});

test('abort in mid-stream frees the blocks', async () => {
  const controller = new AbortController();
  const stream = await client.chat.completions.create(
    { model, messages, max_tokens: 1900, stream: true, ignore_eos: true }, { signal: controller.signal });
  let chunks = 0;
  for await (const chunk of stream) {
    assert.ok(chunk);
    if (++chunks === 5) {
      assert.ok(await engine.metric('vllm:kv_cache_usage_perc') > 0);
      controller.abort();
    }
  }
  await engine.idle();
  const ends = (await engine.metrics()).get('vllm:request_success_total');
  assert.ok(ends.some(({ labels, value }) => labels.finished_reason === 'abort' && value >= 1));
});

test('a client that leaves before the first token frees the blocks', async () => {
  const controller = new AbortController();
  const asked = client.completions.create({ model, prompt: 'a', max_tokens: 2000, ignore_eos: true },
    { signal: controller.signal });
  await until('it runs', async () => await engine.metric('vllm:num_requests_running') > 0);
  controller.abort();
  await assert.rejects(asked);
  await engine.idle();
});

test('64 at once', async () => {
  const ask = (i) => client.chat.completions.create({ model, max_tokens: 24, temperature: 0, stream: i % 2 === 0,
    messages: [{ role: 'user', content: `number ${i % 8}` }] });
  const text = async (answer) => {
    if (answer.choices) return answer.choices[0].message.content;
    let out = '';
    for await (const chunk of answer) out += chunk.choices[0]?.delta.content ?? '';
    return out;
  };
  const texts = await Promise.all(Array.from({ length: 64 }, async (_, i) => text(await ask(i))));
  for (let i = 0; i < 64; ++i) assert.equal(texts[i], texts[i % 8]);
  await engine.idle();
});
