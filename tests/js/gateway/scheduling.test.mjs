// SPDX-License-Identifier: Apache-2.0
// How requests are scheduled, as a file says: followed while it changes, refused when it is wrong.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, test } from 'node:test';

import { answerJson, chat, replaceFile, startEngine, startGateway, until } from './gateway.mjs';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'llmd-scheduling-'));
after(() => fs.rmSync(folder, { recursive: true }));
let cleanup = [];
afterEach(async () => {
  for (const thing of cleanup.reverse()) await thing.stop();
  cleanup = [];
});

const config = (plugins, profile) => `apiVersion: llm-d.ai/v1
kind: EndpointPickerConfig
plugins: [${plugins}]
schedulingProfiles: [{name: default, plugins: [${profile}]}]
`;
const bySession = config('{type: session-affinity-scorer}', '{pluginRef: session-affinity-scorer}');
const byHeader = config('{type: header-based-testing-filter}', '{pluginRef: header-based-testing-filter}');

function write(name, text) {
  const file = path.join(folder, name);
  replaceFile(file, text);
  return file;
}

/** Two engines that answer with their names, and a gateway that follows `file`. */
async function cluster(file, flags = []) {
  const engines = [await startEngine(answerJson('a')), await startEngine(answerJson('b'))];
  cleanup.push(...engines);
  const gateway = await startGateway(engines, ['-f', file, ...flags]);
  cleanup.push(gateway);
  return { engines, gateway };
}

async function ask(gateway, headers = {}) {
  const response = await chat(gateway, {}, { headers: { 'content-type': 'application/json', ...headers } });
  assert.equal(response.status, 200);
  return { engine: (await response.json()).answer, headers: response.headers };
}

test('a session goes back to its engine with the token it was given', async () => {
  const { gateway } = await cluster(write('session.yaml', bySession));
  const first = await ask(gateway);
  const token = first.headers.get('x-session-token');
  assert.ok(token);
  for (let i = 0; i < 10; ++i) {
    assert.equal((await ask(gateway, { 'X-Session-Token': token })).engine, first.engine);
  }
});

test('the file is followed; one that is refused changes nothing', async () => {
  const file = write('followed.yaml', bySession);
  const { engines, gateway } = await cluster(file, ['--trusted']);
  const pinned = { 'test-epp-endpoint-selection': `127.0.0.1:${engines[1].port}` };
  write('followed.yaml', byHeader);
  await until(async () => (await ask(gateway, pinned)).headers.get('x-session-token') === null, 'the new file is in use');
  for (let i = 0; i < 10; ++i) assert.equal((await ask(gateway, pinned)).engine, 'b');
  write('followed.yaml', config('{type: no-such-scorer}', '{pluginRef: no-such-scorer}'));
  for (const end = Date.now() + 300; Date.now() < end;) {  // while it looks at the file, several times
    assert.equal((await ask(gateway, pinned)).engine, 'b');
  }
});

const byMetric = (series) => config(`{type: core-metrics-extractor, parameters: {engineConfigs: [{name: vllm,
  customMetrics: [{attributeKey: depth, metricSpec: "${series}"}]}]}}, {type: endpoint-attribute-scorer, parameters: {
  attributeKey: depth, algorithm: {type: linear_lower_is_better}}}`, '{pluginRef: endpoint-attribute-scorer}');

test('a metric that only the file knows steers requests; another file, another metric', async () => {
  const { engines, gateway } = await cluster(write('metric.yaml', byMetric('app:depth{kind=a}')), ['--emit-endpoint-scores']);
  const seen = async (engine) => {
    const { headers } = await ask(gateway);
    const scores = headers.get('x-gateway-destination-endpoint-scores');
    return scores.split(' ').filter((each) => each.includes('=1(')).length === 1
      && scores.includes(`:${engine.port}=1(`);
  };
  engines[0].metrics = 'app:depth{kind="a"} 9\napp:depth{kind="b"} 1\n';
  engines[1].metrics = 'app:depth{kind="a"} 2\napp:depth{kind="b"} 3\n';
  await until(() => seen(engines[1]), 'the metric is read');
  for (let i = 0; i < 10; ++i) assert.equal((await ask(gateway)).engine, 'b');
  write('metric.yaml', byMetric('app:depth{kind=b}'));
  await until(() => seen(engines[0]), 'the other metric is read');
  for (let i = 0; i < 10; ++i) assert.equal((await ask(gateway)).engine, 'a');
});

test('a decision can be seen', async () => {
  const { gateway } = await cluster(write('seen.yaml', config('{type: queue-scorer}', '{pluginRef: queue-scorer, weight: 2}')),
    ['--emit-endpoint-scores']);
  const scores = (await ask(gateway)).headers.get('x-gateway-destination-endpoint-scores');
  assert.match(scores, /^default \S+=2\(queue-scorer 1\*2\) \S+=2\(queue-scorer 1\*2\)$/);
});

for (const [what, text, message] of [
  ['an unknown plugin', config('{type: queue-scorr}', '{pluginRef: queue-scorr}'), /wrong\.yaml:3: .*did you mean queue-scorer\?/],
  ['an unknown parameter', config('{type: queue-scorer, parameters: {wait: 1}}', '{pluginRef: queue-scorer}'), /wrong\.yaml:3:\d+: .*wait: there is no such key/],
  ['a fixed parameter', config('{type: queue-scorer}, {type: metrics-data-source, parameters: {path: /other}}', '{pluginRef: queue-scorer}'), /wrong\.yaml:3:\d+: .*path: cannot be changed: it is \/metrics here/],
  ['what is not there yet', config('{type: latency-scorer}', '{pluginRef: latency-scorer}'), /wrong\.yaml:3: plugin type latency-scorer is known, but this build cannot do it yet/],
  ['an unknown key', `${bySession}extra: 1\n`, /wrong\.yaml:5:1: extra: there is no such key/],
  ['no YAML', 'a: [', /wrong\.yaml/],
]) {
  test(`${what} is refused at the start`, () => {
    const ended = spawnSync(process.env.LLMD_BIN, ['gateway', '--port', '0', '--endpoint', 'http://127.0.0.1:1', '-f', write('wrong.yaml', text)],
      { encoding: 'utf8', timeout: 10_000 });
    assert.notEqual(ended.status, 0);
    assert.match(ended.stderr, message);
  });
}

test('the file may say where the engines are, as upstream does without Kubernetes', async () => {
  const engine = await startEngine(answerJson('a'));
  cleanup.push(engine);
  const endpoints = write('discovered.yaml', `endpoints: [{name: e, address: 127.0.0.1, port: "${engine.port}"}]\n`);
  const file = write('discovers.yaml', `${config(`{type: file-discovery, parameters: {path: ${endpoints}}}, {type: queue-scorer}`,
    '{pluginRef: queue-scorer}')}dataLayer: {discovery: {pluginRef: file-discovery}}\n`);
  const gateway = await startGateway([], ['-f', file], { waitReady: false });
  cleanup.push(gateway);
  await until(async () => await gateway.metric('llm_d_epp_ready_endpoints') === 1, 'it is up');
  assert.equal((await ask(gateway)).engine, 'a');
});

test('without engines the gateway says how to name them', () => {
  const ended = spawnSync(process.env.LLMD_BIN, ['gateway', '--port', '0'], { encoding: 'utf8', timeout: 10_000 });
  assert.equal(ended.status, 1);
  assert.match(ended.stderr, /where are the engines\? Give --endpoint URL/);
});

test('a decode engine is told which one computes the prompt first', async () => {
  const engines = [await startEngine(answerJson('prefill')), await startEngine(answerJson('decode'))];
  cleanup.push(...engines);
  const endpoints = write('pd_endpoints.yaml', `endpoints:\n${engines.map((engine, i) =>
    `- {name: e${i}, address: 127.0.0.1, port: "${engine.port}", labels: {llm-d.ai/role: ${['prefill', 'decode'][i]}}}`).join('\n')}\n`);
  const file = path.join(import.meta.dirname, '../../configs/pd_disaggregation.yaml');
  const gateway = await startGateway([], ['--endpoints', endpoints, '-f', file], { waitReady: false });
  cleanup.push(gateway);
  await until(async () => await gateway.metric('llm_d_epp_ready_endpoints') === 2, 'both are up');
  assert.equal((await ask(gateway, { 'x-prefiller-host-port': '10.0.0.1:1' })).engine, 'decode');
  assert.equal(engines[1].headers['x-prefiller-host-port'], `127.0.0.1:${engines[0].port}`);
});
