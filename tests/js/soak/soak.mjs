// SPDX-License-Identifier: Apache-2.0
// A cluster under mixed load for a while, with engines killed now and then: nothing hangs, nothing is
// refused, nothing leaks. `node soak/soak.mjs [SECONDS]`; part of `make nightly`, too slow for every
// change. Prints what happened and exits 1 when a promise was broken.
import { readdirSync, readFileSync } from 'node:fs';
import { kModel, llmdService, Place, until } from '../cluster/cluster.mjs';

const kSeconds = Number(process.argv[2] ?? 300);
const kWorkers = 16;
const kHungMs = 60_000;
const kBetweenKillsMs = 15_000;
const kGrowthBytesMax = 16 << 20;
const kGrowthDescriptorsMax = 8;

const counts = new Map();
const problems = [];
const count = (what) => counts.set(what, (counts.get(what) ?? 0) + 1);
const problem = (what) => { problems.push(what); console.error(`soak: ${what}`); };

function usage(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = Number(/^VmRSS:\s+(\d+)/m.exec(status)[1]) * 1024;
  return { bytes, descriptors: readdirSync(`/proc/${pid}/fd`).length };
}

async function metric(url, name) {
  const page = await (await fetch(`${url}/metrics`)).text();
  const lines = page.split('\n').filter((line) => line.startsWith(name) && !line.startsWith('#'));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}

/** The kinds of request that a worker takes turns with. Each resolves to what happened. */
const kinds = [
  async function streamed(client, number, signal) {
    const stream = await client.chat.completions.create({
      model: kModel, stream: true, max_tokens: 40,
      messages: [{ role: 'user', content: `${number}: tell me a story.` }] }, { signal });
    let words = 0;
    for await (const chunk of stream) words += chunk.choices.length;
    return words > 0 ? 'done' : 'empty';
  },
  async function whole(client, number, signal) {
    const answer = await client.completions.create(
      { model: kModel, prompt: 'once upon a time '.repeat(1 + number % 40), max_tokens: 8 }, { signal });
    return answer.usage.completion_tokens > 0 ? 'done' : 'empty';
  },
  async function left(client, number, signal) {
    const stream = await client.completions.create(
      { model: kModel, prompt: `${number}`, max_tokens: 400, ignore_eos: true, stream: true }, { signal });
    let events = 0;
    for await (const chunk of stream) if ((events += chunk.choices.length) > 3) break;
    return 'done';
  },
  async function wrong(client, number, signal) {
    const model = number % 2 ? 'no-such-model' : kModel;
    const prompt = number % 2 ? 'hello' : 'long '.repeat(20_000);
    return client.completions.create({ model, prompt, max_tokens: 1 }, { signal }).then(
      () => 'accepted', (error) => (error.status === (number % 2 ? 404 : 400) ? 'done' : `status ${error.status}`));
  },
];

async function work(client, id, state) {
  for (let i = id; !state.stopping; i += kWorkers) {
    const kind = kinds[i % kinds.length];
    const kills = state.kills;
    const deadline = AbortSignal.timeout(kHungMs);
    const outcome = await kind(client, i, deadline).catch((error) => {
      if (deadline.aborted) return 'hung';
      // Only an answer that had begun may break, and only by a kill.
      return state.kills > kills || state.killing ? 'broken by a kill' : String(error);
    });
    count(`${kind.name}: ${outcome}`);
    if (outcome !== 'done' && outcome !== 'broken by a kill') problem(`${kind.name} ${i}: ${outcome}`);
  }
}

async function kill_now_and_then(cluster, state) {
  for (let turn = 0; !state.stopping; ++turn) {
    const next = Date.now() + kBetweenKillsMs;
    await until('time for a kill', () => state.stopping || Date.now() > next);
    if (state.stopping) return;
    const victim = (await cluster.engines())[turn % 2];
    ++state.kills;
    state.killing = true;
    process.kill(victim.pid, 'SIGKILL');
    await until('the engine is back', async () => {
      const replica = await cluster.replica(victim.name);
      return replica.state === 'ready' && replica.pid !== victim.pid;
    });
    state.killing = false;
    count('engines killed');
  }
}

async function settled(cluster) {
  await until('the gateway is idle', async () =>
    (await metric(cluster.url, 'llm_d_epp_request_running')) === 0);
  for (const engine of await cluster.engines()) {
    await until(`${engine.name} is idle and its blocks are free`, async () =>
      (await metric(engine.url, 'vllm:num_requests_running')) === 0 &&
      (await metric(engine.url, 'vllm:num_requests_waiting')) === 0 &&
      (await metric(engine.url, 'vllm:kv_cache_usage_perc')) === 0);
  }
}

async function soak(cluster) {
  const state = { stopping: false, kills: 0, killing: false };
  const client = cluster.client();
  const gateway = (await cluster.replica('gateway')).pid;
  const load = Array.from({ length: kWorkers }, (_, id) => work(client, id, state));
  const killer = kill_now_and_then(cluster, state);
  const end = Date.now() + kSeconds * 1000;
  const quarter = end - kSeconds * 750;
  while (Date.now() < quarter) await new Promise((resolve) => setTimeout(resolve, 100));
  const warm = usage(gateway);
  while (Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 100));
  const late = usage(gateway);
  state.stopping = true;
  await Promise.all([...load, killer]);
  await settled(cluster);
  const idle = usage(gateway);
  console.log(`gateway memory: ${warm.bytes >> 20} MiB after a quarter, ${late.bytes >> 20} at the end; ` +
    `descriptors idle ${idle.descriptors}`);
  if (late.bytes > warm.bytes + kGrowthBytesMax) problem(`the gateway grew by ${late.bytes - warm.bytes} bytes`);
  if (idle.descriptors > warm.descriptors + kGrowthDescriptorsMax) problem('the gateway leaks descriptors');
  if ((await cluster.replica('gateway')).pid !== gateway) problem('the gateway was restarted');
}

const place = new Place();
try {
  const cluster = await place.up(llmdService());
  await soak(cluster);
  if (await cluster.stop() !== 0) problem('the cluster did not stop cleanly');
} finally {
  await place.remove();
}
for (const [what, times] of [...counts].sort()) console.log(`${String(times).padStart(8)}  ${what}`);
console.log(problems.length === 0 ? `soak of ${kSeconds} s passed` : `soak FAILED: ${problems.length} problems`);
process.exitCode = problems.length === 0 ? 0 : 1;
