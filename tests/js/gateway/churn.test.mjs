// SPDX-License-Identifier: Apache-2.0
// Endpoints and configuration change while 500 requests are in flight: nobody notices. The thread
// sanitizer watches at night.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { kModel, startMany } from '../simulated/simulated.mjs';
import { replaceFile, startGateway, until } from './gateway.mjs';

const kEngines = 6;
const kInFlight = 500;
const kRounds = 8;
const kAnswersPerRound = 200;

const picker = (plugin, more = '') => `apiVersion: llm-d.ai/v1
kind: EndpointPickerConfig
plugins: [{type: ${plugin}}]
schedulingProfiles: [{name: default, plugins: [{pluginRef: ${plugin}}]}]
${more}`;
const kConfigs = [
  picker('expected-ttft-scorer'),
  picker('active-request-scorer', 'featureGates: [flowControl]\nflowControl: {defaultRequestTTL: 60s}\n'),
  picker('session-affinity-scorer'),
];

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'llmd-churn-'));
const endpointsFile = path.join(folder, 'endpoints.yaml');
const objectsFile = path.join(folder, 'objects.yaml');
let engines;
let gateway;

/** What becomes of each engine in a round: it is listed, or drains, or is gone; two or more stay. */
const fateOf = (round, i) => ['listed', 'listed', 'draining', 'gone'][(round * 5 + i * 3) % 4];

/** Writes the list of a round, and says how many of it take new requests: others than in the last. */
function listEndpoints(fates) {
  const entries = fates.flatMap((fate, i) => (fate === 'gone' ? [] : [
    `- {name: e${i}, address: 127.0.0.1, port: "${new URL(engines[i].url).port}", labels: {llm-d.ai/draining: "${fate === 'draining'}"}}\n`]));
  replaceFile(endpointsFile, `endpoints:\n${entries.join('')}`);
  return fates.filter((fate) => fate === 'listed').length;
}

before(async () => {
  engines = await startMany(kEngines, '--replicas', `${kEngines}`, '--mode', 'echo', '--alpha-ms', '40');
  listEndpoints(engines.map(() => 'listed'));
  replaceFile(objectsFile, kConfigs[0]);
  gateway = await startGateway([], ['--endpoints', endpointsFile, '-f', objectsFile], { waitReady: false });
  await ready(kEngines);
});
after(async () => {
  await gateway?.stop();
  await engines?.[0].stop();
  fs.rmSync(folder, { recursive: true });
});

const ready = (count) => until(async () => await gateway.metric('llm_d_epp_ready_endpoints') === count, `${count} engines take requests`);

/** The text of a streamed answer; throws what was wrong with it. */
async function ask(prompt) {
  const response = await fetch(`${gateway.url}/v1/completions`, {
    method: 'POST', body: JSON.stringify({ model: kModel, prompt, max_tokens: 64, stream: true }) });
  const text = await response.text();
  assert.equal(response.status, 200, text);
  const events = text.trimEnd().split('\n\n').map((event) => event.replace(/^data: /, ''));
  assert.equal(events.pop(), '[DONE]', text);
  return events.map((event) => JSON.parse(event).choices[0].text).join('');
}

/** One of the clients: a new request as soon as the last is answered. */
async function keepAsking(state) {
  while (!state.stopping) {
    const prompt = `${state.sent++} comes back word for word`;
    assert.equal(await ask(prompt), prompt);
    ++state.answered;
  }
}

test('500 requests in flight end well while endpoints and configuration change', async () => {
  const state = { sent: 0, answered: 0, stopping: false };
  const clients = Promise.all(Array.from({ length: kInFlight }, () => keepAsking(state)));
  const churn = async () => {
    for (let round = 0; round < kRounds; ++round) {
      const before = state.answered;
      replaceFile(objectsFile, kConfigs[round % kConfigs.length]);
      gateway.child.kill('SIGHUP');
      await ready(listEndpoints(engines.map((_, i) => fateOf(round, i))));
      await until(() => state.answered >= before + kAnswersPerRound, 'answers come');
    }
    state.stopping = true;
  };
  await Promise.race([clients, churn()]);  // whoever fails first
  await clients;
  assert.equal(state.answered, state.sent);
  assert.ok(state.sent >= kInFlight + kRounds * kAnswersPerRound);
  await until(async () => await gateway.metric('llm_d_epp_request_running') === 0, 'nothing is left in flight');
  for (const engine of engines) {
    await engine.idle();
    assert.ok(await engine.metric('vllm:generation_tokens_total') > 0);
  }
  gateway.child.kill('SIGTERM');
  assert.deepEqual(await once(gateway.child, 'exit'), [0, null]);  // another code if a sanitizer saw something
  assert.equal(await engines[0].stop(), 0);
});
