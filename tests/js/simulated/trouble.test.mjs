// SPDX-License-Identifier: Apache-2.0
// What testers ask a simulated engine to do wrong, and what a real engine cannot do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI from 'openai';
import { Engine } from '../engine/engine.mjs';
import { complete, endless, kModel, start, until, withEngine } from './simulated.mjs';

test('failures come at their rate, in the shape of OpenAI', async () => {
  await withEngine(['--failure-injection-rate', '50', '--failure-types', 'rate_limit', 'context_length'], async (engine) => {
    const answers = await Promise.all(Array.from({ length: 200 }, () => complete(engine)));
    const count = (status) => answers.filter((answer) => answer.status === status).length;
    assert.equal(count(200) + count(429) + count(400), 200);
    for (const status of [429, 400]) assert.ok(count(status) > 20 && count(status) < 90, `${status}: ${count(status)}`);
    const limited = answers.find(({ status }) => status === 429).body.error;
    assert.deepEqual([limited.type, limited.code], ['rate_limit_error', 'rate_limit_exceeded']);
    assert.equal(answers.find(({ status }) => status === 400).body.error.code, 'context_length_exceeded');
    assert.equal((await engine.get('/v1/models')).status, 200);
  });
});

test('every kind of failure has its status', async () => {
  const kinds = { rate_limit: 429, invalid_api_key: 401, context_length: 400, server_error: 503, invalid_request: 400, model_not_found: 404 };
  for (const [kind, status] of Object.entries(kinds)) {
    await withEngine(['--failure-injection-rate', '100', '--failure-types', kind], async (engine) => {
      const answer = await complete(engine);
      assert.equal(answer.status, status, kind);
      assert.ok(answer.body.error.message.includes('injected'));
      await assert.rejects(engine.client().completions.create({ model: kModel, prompt: 'x' }), OpenAI.APIError);
    });
  }
});

test('a header asks for one failure', async () => {
  await withEngine([], async (engine) => {
    const body = { prompt: 'x', max_tokens: 1 };
    const answer = (status) => engine.post('/v1/completions', body, { 'x-return-error': status });
    assert.equal((await answer('418')).status, 418);
    assert.match((await answer('200')).body.error.message, /400 to 599/);
    assert.equal((await complete(engine)).status, 200);
  });
});

test('adapters are loaded, listed, used, counted and unloaded', async () => {
  await withEngine(['--lora-modules', 'first=/a', '--max-loras', '1', '--alpha-ms', '20'], async (engine) => {
    const load = (name, path) => fetch(`${engine.url}/v1/load_lora_adapter`,
      { method: 'POST', body: JSON.stringify({ lora_name: name, lora_path: path }) });
    const done = await load('second', '/b');
    assert.equal(await done.text(), "Success: LoRA adapter 'second' added successfully.");
    assert.equal((await load('second', '/b')).status, 400);
    assert.equal((await load('third', '')).status, 400);
    const models = (await engine.get('/v1/models')).body.data;
    assert.deepEqual(models.map(({ id, parent, root }) => [id, parent, root]),
      [[kModel, null, 'simulated:llama-3.1-8b-h100'], ['first', kModel, '/a'], ['second', kModel, '/b']]);

    const [runs, waits] = [endless(engine, { model: 'first' }), endless(engine, { model: 'second' })];
    const info = async () => (await engine.metrics()).get('vllm:lora_requests_info')[0].labels;
    const labels = await until('one adapter runs and one waits', async () => {
      const now = await info();
      return now.running_lora_adapters && now.waiting_lora_adapters ? now : null;
    });
    assert.deepEqual([labels.running_lora_adapters, labels.waiting_lora_adapters].sort(), ['first', 'second']);
    assert.equal(labels.max_lora, '1');
    await Promise.all([runs.cancel(), waits.cancel()]);

    assert.equal((await complete(engine, { model: 'second' })).body.model, 'second');
    const unload = (name) => fetch(`${engine.url}/v1/unload_lora_adapter`,
      { method: 'POST', body: JSON.stringify({ lora_name: name }) });
    assert.equal((await unload('second')).status, 200);
    assert.equal((await unload('second')).status, 404);
    assert.equal((await complete(engine, { model: 'second' })).status, 404);
  });
});

test('adapters share no cached prefix with the model', async () => {
  await withEngine(['--lora-modules', 'first=/a'], async (engine) => {
    const prompt = 'once '.repeat(40);
    const cached = async (model) => (await complete(engine, { prompt, model })).body.usage.prompt_tokens_details.cached_tokens;
    assert.deepEqual([await cached(kModel), await cached('first'), await cached('first')], [0, 0, 48]);
  });
});

test('asleep it serves nothing and has forgotten what was cached', async () => {
  await withEngine([], async (engine) => {
    const prompt = 'once '.repeat(40);
    await complete(engine, { prompt });
    const tell = async (path) => (await fetch(engine.url + path, { method: 'POST' })).status;
    assert.equal(await tell('/sleep?level=1'), 200);
    assert.equal((await engine.get('/is_sleeping')).body.is_sleeping, true);
    assert.equal((await complete(engine)).status, 503);
    assert.equal(await tell('/wake_up'), 200);
    assert.equal((await engine.get('/is_sleeping')).body.is_sleeping, false);
    assert.equal((await complete(engine, { prompt })).body.usage.prompt_tokens_details.cached_tokens, 0);
  });
});

test('more than the queue holds is answered 429', async () => {
  await withEngine(['--max-num-seqs', '1', '--max-waiting-queue-length', '1', '--alpha-ms', '20'], async (engine) => {
    const first = endless(engine);
    await until('it runs', async () => await engine.metric('vllm:num_requests_running') === 1);
    const second = endless(engine);
    await until('one waits', async () => await engine.metric('vllm:num_requests_waiting') === 1);
    const { status, body } = await complete(engine);
    assert.deepEqual([status, body.error.code], [429, 'queue_full']);
    await Promise.all([first.cancel(), second.cancel()]);
  });
});

test('fake metrics show what they are told', async () => {
  const fake = JSON.stringify({ 'running-requests': 7, 'kv-cache-usage': 'ramp:0.25:0.75:0.001' });
  await withEngine(['--fake-metrics', fake], async (engine) => {
    await until('the ramp has ended', async () => await engine.metric('vllm:kv_cache_usage_perc') === 0.75);
    assert.equal(await engine.metric('vllm:num_requests_running'), 7);
    assert.equal(await engine.metric('vllm:num_requests_waiting'), 0);
  });
});

test('while it starts, /health says so and the ready line waits', async () => {
  // 400 simulated seconds at 1000 times the pace; a port from a process that has just given it back.
  const probe = await start();
  const { port } = new URL(probe.url);
  assert.equal(await probe.stop(), 0);
  const starting = Engine.launch('simulated-engine', 1,
    ['--simulated', '--port', port, '--startup-duration', '400', '--time-scale', '1000']);
  const health = () => fetch(`http://127.0.0.1:${port}/health`).then(({ status }) => status, () => 0);
  assert.equal(await until('it listens', health), 503);
  const [engine] = await starting;
  assert.equal(await health(), 200);
  assert.equal(await engine.stop(), 0);
});

test('a real engine names what it cannot do', async () => {
  const engine = await Engine.start();
  for (const [path, name] of [['/v1/load_lora_adapter', 'LoRA'], ['/v1/unload_lora_adapter', 'LoRA'], ['/sleep', 'sleep'], ['/wake_up', 'sleep']]) {
    const { status, body } = await engine.post(path, {});
    assert.equal(status, 501, path);
    assert.ok(body.error.message.includes(name), body.error.message);
  }
  assert.equal((await engine.get('/is_sleeping')).status, 501);
  const body = { prompt: 'x', max_tokens: 1 };
  assert.equal((await engine.post('/v1/completions', body, { 'x-return-error': '418' })).status, 200);
  assert.equal((await engine.get('/version')).body.simulated, undefined);
  assert.equal(await engine.stop(), 0);
});
