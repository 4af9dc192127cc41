// SPDX-License-Identifier: Apache-2.0
// Stopping rules, vLLM's own endpoints, keys, metrics and signals.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { Engine, promptIds, until } from './engine.mjs';

let engine;
before(async () => { engine = await Engine.start(); });
after(async () => { assert.equal(await engine.stop(), 0); });

const complete = async (more) => {
  const { status, body } = await engine.post('/v1/completions',
    { prompt: 'Once upon a time', temperature: 0, max_tokens: 40, ignore_eos: true, return_token_ids: true, ...more });
  assert.equal(status, 200, JSON.stringify(body));
  return body.choices[0];
};

test('stop strings end the text before them', async () => {
  const whole = await complete({});
  assert.equal(whole.finish_reason, 'length');
  const letters = [...whole.text];
  const stop = letters.slice(8, 11).join('');
  const at = whole.text.indexOf(stop);
  const stopped = await complete({ stop: ['never to be seen', stop] });
  assert.equal(stopped.text, whole.text.slice(0, at));
  assert.equal(stopped.finish_reason, 'stop');
  assert.equal(stopped.stop_reason, stop);
  assert.ok(stopped.token_ids.length < 40);
  const shown = await complete({ stop, include_stop_str_in_output: true });
  assert.equal(shown.text, whole.text.slice(0, at) + stop);
});

test('stop tokens, max_tokens, min_tokens', async () => {
  const whole = await complete({});
  const id = whole.token_ids[6];
  const first = whole.token_ids.indexOf(id);
  const stopped = await complete({ stop_token_ids: [id] });
  assert.equal(stopped.finish_reason, 'stop');
  assert.equal(stopped.stop_reason, id);
  assert.deepEqual(stopped.token_ids, whole.token_ids.slice(0, first + 1));
  const later = await complete({ stop_token_ids: [id], min_tokens: 20 });
  assert.ok(later.token_ids.length >= 20);
  assert.ok(!later.token_ids.slice(0, 20).includes(id));
  assert.equal((await complete({ max_tokens: 3 })).token_ids.length, 3);
});

test('tokenize and detokenize', async () => {
  const text = 'Hello wörld, 你好 👋';
  const { body } = await engine.post('/tokenize', { prompt: text, return_token_strs: true });
  assert.equal(body.count, body.tokens.length);
  assert.equal(body.count, body.token_strs.length);
  assert.equal(body.max_model_len, 2048);
  assert.equal((await engine.post('/detokenize', { tokens: body.tokens })).body.prompt, text);
  const messages = [{ role: 'user', content: 'hi' }];
  const open = (await engine.post('/tokenize', { messages })).body;
  const closed = (await engine.post('/tokenize', { messages, add_generation_prompt: false })).body;
  assert.ok(closed.count < open.count);
  assert.deepEqual(open.tokens.slice(0, closed.count), closed.tokens);
});

test('tokens in, tokens out', async () => {
  const token_ids = promptIds(20);
  const params = { temperature: 0, max_tokens: 9, ignore_eos: true };
  const { body } = await engine.post('/inference/v1/generate', { request_id: 'r1', token_ids, sampling_params: params });
  assert.equal(body.request_id, 'r1');
  assert.equal(body.choices[0].finish_reason, 'length');
  assert.deepEqual(body.choices[0].token_ids, await engine.tokens(token_ids, 9));
  const response = await fetch(`${engine.url}/inference/v1/generate`, { method: 'POST',
    body: JSON.stringify({ token_ids, sampling_params: params, stream: true }) });
  const events = (await response.text()).split('\n\n').filter(Boolean);
  assert.equal(events.pop(), 'data: [DONE]');
  const ids = events.flatMap((text) => JSON.parse(text.slice(6)).choices[0].token_ids);
  assert.deepEqual(ids, body.choices[0].token_ids);
});

test('health, version', async () => {
  assert.equal((await fetch(`${engine.url}/health`)).status, 200);
  assert.match((await engine.get('/version')).body.version, /^\d+\.\d+\.\d+$/);
});

test('metrics have vLLM\'s names and add up', async () => {
  await complete({});
  await engine.idle();
  const samples = await engine.metrics();
  for (const name of ['num_requests_running', 'num_requests_waiting', 'kv_cache_usage_perc',
    'prefix_cache_queries_total', 'prefix_cache_hits_total', 'prompt_tokens_total', 'generation_tokens_total',
    'num_preemptions_total', 'request_success_total', 'time_to_first_token_seconds_bucket',
    'inter_token_latency_seconds_bucket', 'e2e_request_latency_seconds_bucket', 'request_queue_time_seconds_bucket',
    'request_prefill_time_seconds_bucket', 'request_decode_time_seconds_bucket', 'request_prompt_tokens_bucket',
    'request_generation_tokens_bucket']) {
    const found = samples.get(`vllm:${name}`);
    assert.ok(found, name);
    assert.equal(found[0].labels.model_name, 'tiny-random');
    assert.equal(found[0].labels.engine, '0');
  }
  const config = samples.get('vllm:cache_config_info')[0].labels;
  assert.equal(config.block_size, '16');
  assert.ok(Number(config.num_gpu_blocks) >= 128);
  const ends = samples.get('vllm:request_success_total').filter(({ labels }) => labels.finished_reason !== 'abort');
  const total = ends.reduce((sum, { value }) => sum + value, 0);
  assert.equal(samples.get('vllm:time_to_first_token_seconds_count')[0].value, total);
  assert.equal(samples.get('vllm:generation_tokens_total')[0].value,
    samples.get('vllm:request_generation_tokens_sum')[0].value);
});

test('API keys guard all but health and metrics', async () => {
  const guarded = await Engine.start('--api-key', 'sesame', '--served-model-name', 'm');
  try {
    const ask = { model: 'm', prompt: 'a', max_tokens: 1 };
    assert.equal((await guarded.client('sesame').completions.create(ask)).choices.length, 1);
    await assert.rejects(guarded.client('wrong').completions.create(ask), { status: 401, code: 'invalid_api_key' });
    for (const path of ['/v1/models', '/version']) assert.equal((await guarded.get(path)).status, 401);
    assert.equal((await guarded.post('/tokenize', { prompt: 'a' })).status, 401);
    assert.equal((await fetch(`${guarded.url}/health`)).status, 200);
    assert.ok((await guarded.metrics()).size > 0);
    assert.ok(!guarded.log.includes('sesame'));
  } finally {
    assert.equal(await guarded.stop(), 0);
  }
});

test('SIGTERM lets a running stream end and refuses new requests', async () => {
  const draining = await Engine.start();
  const { port } = new URL(draining.url);
  const stream = await draining.client().completions.create({ model: 'tiny-random', prompt: 'a', max_tokens: 1500,
    stream: true, ignore_eos: true, temperature: 0 });
  let text = '';
  let finish = null;
  let signalled = false;
  for await (const chunk of stream) {
    text += chunk.choices[0].text;
    finish = chunk.choices[0].finish_reason ?? finish;
    if (!signalled) draining.child.kill('SIGTERM');
    signalled = true;
  }
  assert.equal(finish, 'length');
  assert.ok(text.length > 0);
  assert.equal(await draining.exited, 0);
  await assert.rejects(fetch(`http://127.0.0.1:${port}/health`));
});

test('bad flags are refused with a reason', () => {
  const run = (...flags) => {
    const { status, stderr, stdout } = spawnSync(process.env.LLMD_BIN, ['engine', ...flags], { encoding: 'utf8' });
    assert.notEqual(status, 0, flags.join(' '));
    return stderr + stdout;
  };
  const model = ['--model', process.env.LLMD_MODEL, '--port', '0'];
  assert.match(run('--model', '/nonexistent'), /nonexistent/);
  assert.match(run(...model, '--dtype', 'float16'), /float16/);
  assert.match(run(...model, '--block-size', '17'), /power of two/);
  assert.match(run(...model, '--max-model-len', '4096'), /max_position_embeddings 2048/);
  assert.match(run(...model, '--max-model-len', '512', '--num-gpu-blocks-override', '4'), /num-gpu-blocks-override/);
  assert.match(run(...model, '--max-num-seqs', '0'), /max-num-seqs/);
  assert.match(run(...model, '--host', 'not an address'), /not an address/);
});

test('few blocks shorten what fits, and say so', async () => {
  const small = await Engine.start('--num-gpu-blocks-override', '4');
  try {
    assert.match(small.log, /limited to 64 tokens/);
    assert.equal((await small.get('/v1/models')).body.data[0].max_model_len, 64);
    assert.equal((await small.post('/v1/completions', { prompt: promptIds(64), max_tokens: 1 })).status, 400);
    assert.equal((await small.tokens(promptIds(20), 40)).length, 40);
    await until('idle', async () => await small.metric('vllm:kv_cache_usage_perc') === 0);
  } finally {
    assert.equal(await small.stop(), 0);
  }
});
