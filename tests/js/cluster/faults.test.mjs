// SPDX-License-Identifier: Apache-2.0
// What happens to clients when processes are killed.
import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { commandService, isAlive, kModel, llmdService, Place, until } from './cluster.mjs';

const kFakeEngine = join(dirname(fileURLToPath(import.meta.url)), 'fake_engine.mjs');
const kTokens = 48;

let place;
beforeEach(() => { place = new Place(); });
afterEach(() => place.remove());

/** One streamed chat. Ends as "done", "broken" after its first word, or "refused" before it. */
async function chat(client, number) {
  let words = 0;
  try {
    const stream = await client.chat.completions.create({
      model: kModel, stream: true, max_tokens: kTokens,
      messages: [{ role: 'user', content: `${number}: say something.` }] });
    for await (const chunk of stream) words += chunk.choices.length;
    return { outcome: 'done', words };
  } catch (error) {
    return { outcome: words > 0 ? 'broken' : 'refused', words, error: String(error) };
  }
}

test('kill -9 of an engine under load: what had not begun succeeds elsewhere, the engine is back', async () => {
  const cluster = await place.up(llmdService());
  const client = cluster.client();
  const [victim] = await cluster.engines();
  let running = 0;
  let killed = false;
  let finished = 0;
  const outcomes = [];
  const worker = async (id) => {
    for (let i = 0; finished < 200 || !killed; ++i) {
      ++running;
      outcomes.push(await chat(client, id * 1000 + i));
      --running;
      ++finished;
    }
  };
  const load = Promise.all(Array.from({ length: 12 }, (_, id) => worker(id)));
  await until('requests run', () => finished >= 24 && running >= 8);
  process.kill(victim.pid, 'SIGKILL');
  killed = true;
  await load;
  const refused = outcomes.filter(({ outcome }) => outcome === 'refused');
  assert.deepEqual(refused, []);
  assert.equal(outcomes.filter(({ outcome }) => outcome === 'done').length >= 150, true);
  const back = await until('the engine is back', async () => {
    const replica = await cluster.replica(victim.name);
    return replica.state === 'ready' && replica;
  });
  assert.equal(back.restarts, 1);
  assert.notEqual(back.pid, victim.pid);
});

test('kill -9 of the gateway: it is back on its port', async () => {
  const cluster = await place.up(llmdService());
  const before = await cluster.replica('gateway');
  process.kill(before.pid, 'SIGKILL');
  await until('the gateway serves again', async () => {
    const response = await fetch(`${cluster.url}/ready`).catch(() => null);
    return response?.status === 200;
  });
  const answer = await cluster.client().chat.completions.create(
    { model: kModel, messages: [{ role: 'user', content: 'hello' }], max_tokens: 4 });
  assert.equal(answer.object, 'chat.completion');
  assert.notEqual((await cluster.replica('gateway')).pid, before.pid);
});

test('kill -9 of the supervisor: nothing is orphaned, the name is free again', async () => {
  const cluster = await place.up(llmdService());
  const { replicas } = await cluster.status();
  assert.equal(await cluster.stop('SIGKILL'), 'SIGKILL');
  for (const replica of replicas) {
    await until(`${replica.name} is gone`, () => !isAlive(replica.pid));
  }
  const again = await place.up(llmdService({ replicas: 1 }));
  assert.equal(await again.stop(), 0);
});

test('SIGTERM lets a running stream end', async () => {
  const cluster = await place.up(commandService(
    { command: [process.execPath, kFakeEngine, '{port}', kModel] }));
  const stream = await cluster.client().chat.completions.create(
    { model: kModel, stream: true, messages: [{ role: 'user', content: 'hello' }] });
  let words = 0;
  let stopped;
  for await (const chunk of stream) {
    words += chunk.choices.length;
    stopped ??= cluster.stop();
  }
  assert.equal(words, 20);
  assert.equal(await stopped, 0);
});

test('a second Ctrl-C does not wait for a stream that will not end', async () => {
  const cluster = await place.up(commandService(
    { command: [process.execPath, kFakeEngine, '{port}', kModel] }));
  const stream = await cluster.client().chat.completions.create(
    { model: kModel, stream: true, messages: [{ role: 'user', content: 'hello' }] });
  const reader = stream[Symbol.asyncIterator]();
  await reader.next();
  cluster.child.kill('SIGINT');
  await until('it stops', () => /once more to kill/.test(cluster.child.err));
  cluster.child.kill('SIGINT');
  assert.equal(await cluster.child.ended, 0);
  await assert.rejects(async () => { while (!(await reader.next()).done); });
});
