// SPDX-License-Identifier: Apache-2.0
// What an engine publishes of its KV cache, heard by a subscriber that shares no code with it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Engine, promptIds, until } from './engine.mjs';
import { blockHashes, endpoints, read, replay, subscriber } from './kv_peer.mjs';

const kBlockSize = 16;

const config = (more = {}) => ['--kv-events-config', JSON.stringify({
  enable_kv_cache_events: true, endpoint: 'tcp://127.0.0.1:*', replay_endpoint: 'tcp://127.0.0.1:0', ...more,
})];

async function withEngine(flags, use) {
  const engine = await Engine.start(...flags);
  try {
    await use(engine, await endpoints(engine));
  } finally {
    assert.equal(await engine.stop(), 0);
  }
}

/** All events so far, once `enough(events)`. */
function allEvents(endpoint, enough) {
  return until('the events are there', async () => {
    const batches = await replay(endpoint, 0);
    const events = batches.flatMap(({ payload }) => read(payload)[1]);
    return enough(events) ? events : null;
  });
}

const numbers = (list) => list.map(Number);

test('hashes equal known vectors', () => {
  const tokens = [...Array(16).keys(), 1000, 128000, 151644, ...Array(13).keys()];
  assert.deepEqual(blockHashes(tokens, 16), [12687895063098490012n, 160079917294026073n]);
});

test('full blocks are told in vLLM’s form, chained and hashed as there', async () => {
  await withEngine(config(), async (engine, { replay: endpoint }) => {
    const prompt = promptIds(40);
    await engine.tokens(prompt, 1);
    const [first] = await allEvents(endpoint, (events) => events.length === 1);
    assert.deepEqual(Object.keys(first), ['type', 'block_hashes', 'parent_block_hash', 'token_ids', 'block_size',
      'lora_id', 'medium', 'lora_name', 'extra_keys', 'group_idx', 'kv_cache_spec_kind']);
    assert.equal(first.type, 'BlockStored');
    assert.deepEqual(first.block_hashes, blockHashes(prompt, kBlockSize));
    assert.equal(first.parent_block_hash, null);
    assert.deepEqual(numbers(first.token_ids), prompt.slice(0, 32));
    assert.deepEqual(
      [first.block_size, first.medium, first.extra_keys, first.group_idx, first.kv_cache_spec_kind, first.lora_name],
      [kBlockSize, 'GPU', [null, null], 0, 'full_attention', null]);

    const longer = [...prompt.slice(0, 32), ...promptIds(40, 7)];
    await engine.tokens(longer, 1);
    const [, second] = await allEvents(endpoint, (events) => events.length === 2);
    const hashes = blockHashes(longer, kBlockSize);
    assert.equal(second.parent_block_hash, first.block_hashes[1]);
    assert.deepEqual(second.block_hashes, hashes.slice(2));
    assert.deepEqual(numbers(second.token_ids), longer.slice(32, 64));

    await engine.tokens(prompt, 1, { cache_salt: 'mine' });
    const [, , salted] = await allEvents(endpoint, (events) => events.length === 3);
    assert.deepEqual(salted.block_hashes, blockHashes(prompt, kBlockSize, { salt: 'mine' }));
    assert.deepEqual(salted.extra_keys, [['mine'], null]);

    await engine.tokens(prompt, 1);  // all of it is cached: nothing to tell
    await engine.tokens(promptIds(40, 9), 1);
    const events = await allEvents(endpoint, (all) => all.length > 3);
    assert.equal(events.length, 4);
    assert.deepEqual(events[3].block_hashes, blockHashes(promptIds(40, 9), kBlockSize));
  });
});

test('batches come live, numbered, under the topic, and again on request', async () => {
  const topic = 'kv@127.0.0.1:8000@tiny';
  await withEngine(config({ topic, buffer_steps: 3 }), async (engine, where) => {
    const live = subscriber(where.events, 'kv@');
    live.receiveTimeout = 50;
    let seed = 0;
    const [heardTopic, seq, payload] = await until('the subscription is there', async () => {
      await engine.tokens(promptIds(20, ++seed), 1);
      return live.receive().catch(() => null);
    });
    assert.equal(heardTopic.toString(), topic);
    const [time, events, rank] = read(payload);
    assert.ok(Math.abs(time - Date.now() / 1000) < 3600);
    assert.deepEqual(events[0].block_hashes, blockHashes(promptIds(20, seed), kBlockSize));
    assert.equal(Number(rank), 0);

    live.receiveTimeout = 30_000;
    const first = Number(seq.readBigUInt64BE());
    const heard = [];
    for (let i = 1; i <= 4; ++i) {
      await engine.tokens(promptIds(20, seed + i), 1);
      const [, next, body] = await live.receive();
      assert.equal(Number(next.readBigUInt64BE()), first + i);
      heard.push(body);
    }
    live.close();
    const kept = await replay(where.replay, 0);
    assert.deepEqual(kept.map(({ seq: number }) => number), [first + 2, first + 3, first + 4]);
    assert.deepEqual(kept.map(({ payload: body }) => body), heard.slice(1));
    assert.ok(kept.every((batch) => batch.topic === topic));
    assert.deepEqual((await replay(where.replay, first + 4)).length, 1);
    assert.deepEqual(await replay(where.replay, first + 5), []);
    assert.equal(await engine.metric('llmd:kv_event_batches_total'), first + 5);
    assert.equal(await engine.metric('llmd:kv_event_batches_dropped_total'), 0);
  });
});

test('what is told stays within what the cache can hold', async () => {
  const blocks = 8;
  const flags = ['--num-gpu-blocks-override', String(blocks), '--max-model-len', '64', '--max-num-seqs', '1'];
  await withEngine([...config(), ...flags], async (engine, { replay: endpoint }) => {
    for (let seed = 0; seed < 12; ++seed) await engine.tokens(promptIds(40, seed), 1);
    const last = blockHashes(promptIds(40, 11), kBlockSize)[1];
    const events = await allEvents(endpoint,
      (all) => all.some((event) => event.type === 'BlockStored' && event.block_hashes.includes(last)));
    const held = new Set();
    for (const event of events) {
      for (const hash of event.block_hashes) {
        if (event.type === 'BlockStored') {
          assert.ok(!held.has(hash));
          held.add(hash);
        } else {
          assert.equal(event.type, 'BlockRemoved');
          assert.equal(event.medium, 'GPU');
          assert.ok(held.delete(hash));
        }
      }
      assert.ok(held.size <= blocks);
    }
    assert.ok(events.some(({ type }) => type === 'BlockRemoved'));
    assert.ok(held.has(last));
  });
});

test('simulated engines publish too: ranks, adapters, clearing, the array form', async () => {
  const engines = await Engine.launch('simulated-engine', 2, ['--simulated', '--served-model-name', 'sim',
    '--port', '0', '--alpha-ms', '1', '--beta-ms', '0.001', '--gamma-ms', '0', '--data-parallel-size', '2',
    '--lora-modules', 'sql=/sql', ...config({ event_form: 'array' })]);
  try {
    const where = await Promise.all(engines.map(endpoints));
    assert.notEqual(where[0].events, where[1].events);
    const engine = engines[1];
    const prompt = promptIds(40);
    const complete = (model) => engine.post('/v1/completions', { model, prompt, max_tokens: 1 });
    assert.equal((await complete('sql')).status, 200);
    assert.equal((await complete('sim')).status, 200);
    const events = await allEvents(where[1].replay, (all) => all.length === 2);
    const hashes = blockHashes(prompt, kBlockSize, { adapter: 'sql' });
    assert.deepEqual(events[0].map((field, i) => (i === 3 ? numbers(field) : field)),
      ['BlockStored', hashes, null, prompt.slice(0, 32), 16, null, 'GPU', 'sql', [['sql'], ['sql']], 0, 'full_attention']);
    assert.deepEqual(events[1][1], blockHashes(prompt, kBlockSize));
    const [{ payload }] = await replay(where[1].replay, 0);
    assert.equal(Number(read(payload)[2]), 1);
    assert.deepEqual(await replay(where[0].replay, 0), []);

    assert.equal((await fetch(`${engine.url}/sleep`, { method: 'POST' })).status, 200);
    const cleared = await allEvents(where[1].replay, (all) => all.length === 3);
    assert.deepEqual(cleared[2], ['AllBlocksCleared']);
  } finally {
    assert.equal(await engines[0].stop(), 0);
  }
});

test('a config that makes no sense is refused with the reason', async () => {
  await assert.rejects(Engine.start('--kv-events-config', '{"endpont": "x"}'), /did you mean "endpoint"/);
  await assert.rejects(Engine.start(...config({ endpoint: 'tcp://127.0.0.1:*', replay_endpoint: 'tcp://nowhere' })),
    /cannot publish KV events/);
});
