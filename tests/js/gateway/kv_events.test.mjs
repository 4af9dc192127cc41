// SPDX-License-Identifier: Apache-2.0
// The gateway knows what engines have cached although it did not send it there: from their events.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { endpoints as eventEndpoints } from '../engine/kv_peer.mjs';
import * as simulated from '../simulated/simulated.mjs';
import { replaceFile, startGateway, until } from './gateway.mjs';

const kEvents = ['--kv-events-config', JSON.stringify({
  enable_kv_cache_events: true, endpoint: 'tcp://127.0.0.1:0', replay_endpoint: 'tcp://127.0.0.1:0' })];
const kPromptBlocks = 20;
const kBlockTokens = 16;

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'llmd-kv-events-'));
const endpointsFile = path.join(folder, 'endpoints.yaml');
const configFile = path.join(folder, 'config.yaml');
fs.writeFileSync(configFile, `apiVersion: llm-d.ai/v1
kind: EndpointPickerConfig
plugins:
- {type: token-producer, parameters: {backend: local, path: words4}}
- {type: precise-prefix-cache-producer}
- {type: prefix-cache-scorer}
schedulingProfiles:
- {name: default, plugins: [{pluginRef: prefix-cache-scorer}]}
`);

let engines = [];
let gateway;
const gateways = [];

const portOf = (endpoint) => Number(endpoint.split(':').at(-1));

async function startEngine(name) {
  const engine = await simulated.start(...kEvents);
  const { events, replay } = await eventEndpoints(engine);
  return { name, engine, events: portOf(events), replay: portOf(replay) };
}

function writeEndpoints() {
  replaceFile(endpointsFile, `endpoints:\n${engines.map(({ name, engine, events, replay }) => `
- name: ${name}
  address: 127.0.0.1
  port: ${new URL(engine.url).port}
  labels: {llm-d.ai/kv-events-port: "${events}", llm-d.ai/kv-replay-port: "${replay}"}`).join('')}\n`);
}

async function startFollower() {
  const started = await startGateway([], ['--endpoints', endpointsFile, '-f', configFile], { waitReady: false });
  gateways.push(started);
  await until(async () => await started.metric('llm_d_epp_ready_endpoints') === engines.length, 'engines ready');
  return started;
}

/** 20 blocks that no other prompt begins with. */
const prompt = (seed) => Array.from({ length: kPromptBlocks * kBlockTokens + 3 }, (_, i) => seed * 100_000 + i);

async function complete(url, ids) {
  const response = await fetch(`${url}/v1/completions`, {
    method: 'POST', body: JSON.stringify({ model: simulated.kModel, prompt: ids, max_tokens: 1 }) });
  const body = await response.json();
  assert.equal(response.status, 200, JSON.stringify(body));
  return body.usage.prompt_tokens_details?.cached_tokens ?? 0;
}

const entries = (of) => of.metric('llm_d_epp_kv_cache_index_entries');
const wholes = (of) => of.metric('llm_d_epp_kv_cache_index_endpoints{inference_pool="default",knowledge="whole"}');

before(async () => {
  engines = [await startEngine('a'), await startEngine('b')];
  writeEndpoints();
  gateway = await startFollower();
});
after(async () => {
  for (const each of gateways) await each.stop();
  for (const { engine } of engines) await engine.stop();
  fs.rmSync(folder, { recursive: true });
});

/** Engines get prompts behind the gateway's back; through it, each is found where it is. */
async function primeAndFind(through, seeds) {
  await until(async () => await wholes(through) === engines.length, 'every cache is known');
  const known = await entries(through);
  for (const seed of seeds) await complete(engines[seed % 2].engine.url, prompt(seed));
  await until(async () => await entries(through) === known + seeds.length * kPromptBlocks, 'events are heard');
  for (const seed of seeds) {
    assert.equal(await complete(through.url, prompt(seed)), kPromptBlocks * kBlockTokens, `prompt ${seed}`);
  }
}

test('a prompt goes where it is cached, whoever sent it there', () => primeAndFind(gateway, [1, 2, 3, 4, 5, 6]));

test('a gateway that comes later learns what was said before', async () => {
  const later = await startFollower();
  await until(async () => await entries(later) === await entries(gateway), 'it has caught up');
  for (const seed of [1, 2, 3, 4, 5, 6]) {
    assert.equal(await complete(later.url, prompt(seed)), kPromptBlocks * kBlockTokens, `prompt ${seed}`);
  }
  await later.stop();
});

test('an engine that begins anew is known to hold nothing', async () => {
  await engines[0].engine.stop();
  engines[0] = await startEngine('a');
  writeEndpoints();
  await until(async () => await gateway.metric('llm_d_epp_ready_endpoints') === 2, 'the new engine is ready');
  await until(async () => await entries(gateway) === 3 * kPromptBlocks, 'only the other engine’s blocks are left');
  await primeAndFind(gateway, [12, 13, 14, 15]);
});
