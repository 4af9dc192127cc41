// SPDX-License-Identifier: Apache-2.0
// A simulated engine is an engine like any other, and says what it is.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { complete, kModel, start, startMany, withEngine } from './simulated.mjs';

let engine;
before(async () => { engine = await start('--profile', 'qwen3-32b-tp2-h100'); });
after(async () => { assert.equal(await engine.stop(), 0); });

test('it says that it is simulated', async () => {
  const { body } = await engine.get('/version');
  assert.deepEqual([body.simulated, body.profile], [true, 'qwen3-32b-tp2-h100']);
  assert.match(body.version, /^\d+\.\d+\.\d+$/);
  assert.match(engine.log, /simulated engine .*profile qwen3-32b-tp2-h100/);
  assert.equal((await engine.get('/v1/models')).body.data[0].root, 'simulated:qwen3-32b-tp2-h100');
});

test('the official client chats, whole and streamed, and the text follows from the seed', async () => {
  const client = engine.client();
  const ask = { model: kModel, messages: [{ role: 'user', content: 'Hi' }], max_tokens: 20, seed: 3 };
  const whole = await client.chat.completions.create(ask);
  assert.equal(whole.usage.completion_tokens, 20);
  assert.equal(whole.choices[0].message.content.length, 80);
  assert.equal(whole.choices[0].finish_reason, 'length');
  let text = '';
  for await (const chunk of await client.chat.completions.create({ ...ask, stream: true })) {
    text += chunk.choices[0].delta.content;
  }
  assert.equal(text, whole.choices[0].message.content);
  const other = await client.chat.completions.create({ ...ask, seed: 4 });
  assert.notEqual(other.choices[0].message.content, text);
});

test('words4: four bytes of the documented chat text are a token', async () => {
  const messages = [{ role: 'system', content: 'Be kind.' }, { role: 'user', content: 'Hi' }];
  const text = 'system: Be kind.\nuser: Hi\nassistant: ';
  const { body } = await engine.post('/tokenize', { messages });
  assert.equal(body.count, Math.ceil(text.length / 4));
  assert.equal((await engine.post('/detokenize', { tokens: body.tokens })).body.prompt, text);
  const answer = await engine.client().chat.completions.create({ model: kModel, messages, max_tokens: 1 });
  assert.equal(answer.usage.prompt_tokens, body.count);
});

test('equal prefixes are cached, and metrics are vLLM\'s', async () => {
  const prompt = 'once '.repeat(40);  // 50 tokens, 3 full blocks
  await complete(engine, { prompt });
  const { body } = await complete(engine, { prompt });
  assert.equal(body.usage.prompt_tokens_details.cached_tokens, 48);
  const samples = await engine.metrics();
  const info = samples.get('vllm:cache_config_info')[0].labels;
  assert.deepEqual([info.num_gpu_blocks, info.block_size], ['19650', '16']);
  assert.ok(samples.get('vllm:prefix_cache_hits_total')[0].value >= 48);
});

test('answers end by themselves where a distribution says so', async () => {
  await withEngine(['--output-length', 'uniform:5:9'], async (short) => {
    const { body } = await complete(short, { max_tokens: 50, n: 20 });
    const lengths = body.choices.map((choice) => choice.text.length / 4);
    assert.ok(body.choices.every((choice) => choice.finish_reason === 'stop'));
    assert.ok(lengths.every((length) => length >= 5 && length <= 9), String(lengths));
    assert.ok(new Set(lengths).size > 2, String(lengths));
    const forced = await complete(short, { max_tokens: 50, ignore_eos: true });
    assert.equal(forced.body.usage.completion_tokens, 50);
  });
});

test('echo mode repeats the prompt, or the last message', async () => {
  await withEngine(['--mode', 'echo'], async (echo) => {
    const { body } = await complete(echo, { prompt: 'say it again', max_tokens: 50 });
    assert.deepEqual([body.choices[0].text, body.choices[0].finish_reason], ['say it again', 'stop']);
    const chat = await echo.client().chat.completions.create({ model: kModel,
      messages: [{ role: 'system', content: 'no' }, { role: 'user', content: 'and again' }] });
    assert.equal(chat.choices[0].message.content, 'and again');
  });
});

test('a real tokenizer can stand in for words4', async () => {
  await withEngine(['--tokenizer', process.env.LLMD_MODEL], async (real) => {
    const { body } = await complete(real, { prompt: 'Once upon a time', max_tokens: 8, return_token_ids: true });
    const back = await real.post('/detokenize', { tokens: body.choices[0].token_ids });
    assert.equal(back.body.prompt, body.choices[0].text);
  });
});

test('replicas and data-parallel ranks have ports and state of their own', async () => {
  const engines = await startMany(4, '--replicas', '2', '--data-parallel-size', '2');
  assert.equal(new Set(engines.map(({ url }) => url)).size, 4);
  await complete(engines[2]);
  const counts = await Promise.all(engines.map((each) => each.metric('vllm:prompt_tokens_total')));
  assert.deepEqual(counts, [0, 0, 2, 0]);
  const ranks = await Promise.all(engines.map(async (each) =>
    (await each.metrics()).get('vllm:num_requests_running')[0].labels.engine));
  assert.deepEqual(ranks, ['0', '1', '0', '1']);
  assert.equal(await engines[0].stop(), 0);
});

test('replicas can share a port on addresses of their own, as pods of a pool do', async () => {
  const engines = await startMany(4, '--replicas', '2', '--data-parallel-size', '2', '--same-port', '--host', '127.0.0.8');
  const at = engines.map(({ url }) => new URL(url));
  const port = Number(at[0].port);
  assert.deepEqual(at.map(({ hostname, port: own }) => [hostname, Number(own) - port]),
    [['127.0.0.8', 0], ['127.0.0.8', 1], ['127.0.0.9', 0], ['127.0.0.9', 1]]);
  await complete(engines[2]);
  const counts = await Promise.all(engines.map((each) => each.metric('vllm:prompt_tokens_total')));
  assert.deepEqual(counts, [0, 0, 2, 0]);
  assert.equal(await engines[0].stop(), 0);
});

test('flags that make no sense are refused with what would', () => {
  const run = (...flags) => spawnSync(process.env.LLMD_BIN, ['engine', ...flags], { encoding: 'utf8' });
  const errors = [
    [['--simulated', '--profile', 'qwen3-32b-tp2-h10'], /did you mean qwen3-32b-tp2-h100\?/],
    [['--simulated', '--output-length', 'uniform:9:5'], /uniform:MIN:MAX/],
    [['--simulated', '--fake-metrics', '{"waiting": 1}'], /waiting-requests/],
    [['--simulated', '--lora-modules', 'x'], /lora_path/],
    [['--simulated', '--failure-types', 'flood'], /rate_limit/],
    [['--simulated', '--max-model-len', '999999', '--num-gpu-blocks-override', '1'], /hold 16 tokens/],
    [['--replicas', '2', '--model', process.env.LLMD_MODEL], /--simulated/],
    [['--port', '65535', '--simulated', '--replicas', '2'], /65535/],
    [['--simulated', '--replicas', '2', '--same-port', '--host', 'localhost'], /IPv4/],
    [['--simulated', '--replicas', '9', '--same-port', '--host', '255.255.255.250'], /cannot listen on 255\.255\.255\.250/],
    [[], /--model DIR or --simulated/],
  ];
  for (const [flags, expected] of errors) {
    const { status, stderr } = run(...flags);
    assert.notEqual(status, 0, flags.join(' '));
    assert.match(stderr, expected);
  }
});
