// SPDX-License-Identifier: Apache-2.0
// Same request, same tokens: alone, in company, chunked, preempted, cached.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Engine, promptIds } from './engine.mjs';

const prompt = promptIds(150);
const kTokens = 60;
let engine;
let expected;
let sampled;
const sampling = { temperature: 0.8, top_p: 0.9, top_k: 40, seed: 11 };

before(async () => {
  engine = await Engine.start('--no-enable-prefix-caching');
  expected = await engine.tokens(prompt, kTokens);
  sampled = await engine.tokens(prompt, kTokens, sampling);
  assert.equal(expected.length, kTokens);
  assert.notDeepEqual(sampled, expected);
});
after(async () => { assert.equal(await engine.stop(), 0); });

/** Runs the request beside 16 others on an engine with these flags. */
async function inCompany(where) {
  const others = Array.from({ length: 16 }, (_, i) => where.tokens(promptIds(40 + 9 * i, i + 1), kTokens));
  const [greedy, random] = await Promise.all(
    [where.tokens(prompt, kTokens), where.tokens(prompt, kTokens, sampling)]);
  await Promise.all(others);
  assert.deepEqual(greedy, expected);
  assert.deepEqual(random, sampled);
}

async function withEngine(flags, run) {
  const other = await Engine.start(...flags);
  try {
    await run(other);
    await other.idle();
  } finally {
    assert.equal(await other.stop(), 0);
  }
}

test('beside 16 others', async () => inCompany(engine));

test('one thread', async () => withEngine(['--threads', '1'], inCompany));

test('chunked', async () => withEngine(['--max-num-batched-tokens', '13', '--max-num-seqs', '5'], inCompany));

test('preempted', async () => withEngine(
  ['--num-gpu-blocks-override', '40', '--max-model-len', '512'], async (small) => {
    await inCompany(small);
    assert.ok(await small.metric('vllm:num_preemptions_total') > 0);
  }));

test('other block sizes', async () => withEngine(['--block-size', '32'], inCompany));

test('cached, and the usage says so', async () => withEngine([], async (caching) => {
  const ask = async (more) => (await caching.post('/v1/completions',
    { prompt, max_tokens: kTokens, temperature: 0, ignore_eos: true, return_token_ids: true, ...more })).body;
  const first = await ask({});
  const second = await ask({});
  assert.equal(first.usage.prompt_tokens_details.cached_tokens, 0);
  assert.equal(second.usage.prompt_tokens_details.cached_tokens, 144);  // 9 full blocks of 16
  for (const answer of [first, second]) assert.deepEqual(answer.choices[0].token_ids, expected);
  const salted = await ask({ cache_salt: 'mine' });
  assert.equal(salted.usage.prompt_tokens_details.cached_tokens, 0);
  assert.equal(await caching.metric('vllm:prefix_cache_hits_total'), 144);
  assert.equal(await caching.metric('vllm:prefix_cache_queries_total'), 450);
  await inCompany(caching);
}));
