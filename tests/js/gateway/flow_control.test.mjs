// SPDX-License-Identifier: Apache-2.0
// Who waits, who goes first, who is told no: flow control with real clients.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, test } from 'node:test';

import { MODEL, answerJson, chat, replaceFile, startEngine, startGateway, until } from './gateway.mjs';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'llmd-flow-'));
after(() => fs.rmSync(folder, { recursive: true }));
let cleanup = [];
afterEach(async () => {
  for (const thing of cleanup.reverse()) await thing.stop();
  cleanup = [];
});

const objects = (flow) => `apiVersion: llm-d.ai/v1
kind: EndpointPickerConfig
featureGates: [flowControl]
plugins:
- {type: concurrency-detector, parameters: {maxConcurrency: 1}}
- {type: queue-scorer}
schedulingProfiles: [{name: default, plugins: [{pluginRef: queue-scorer}]}]
flowControl: {saturationDetector: {pluginRef: concurrency-detector}, ${flow}}
---
apiVersion: llm-d.ai/v1alpha2
kind: InferenceObjective
metadata: {name: urgent}
spec: {poolRef: {name: pool}, priority: 10}
---
apiVersion: llm-d.ai/v1alpha2
kind: InferenceObjective
metadata: {name: batch}
spec: {poolRef: {name: pool}, priority: -1}
`;

function write(name, text) {
  const file = path.join(folder, name);
  replaceFile(file, text);
  return file;
}

/** An engine that begins each answer as a stream and ends it when it is told to. */
async function slowEngine() {
  const running = [];
  const engine = await startEngine((request, response, body) => {
    response.setHeader('content-type', 'text/event-stream');
    response.write('data: {"n":1}\n\n');
    running.push({ text: JSON.parse(body).messages[0].content, end: () => response.end('data: [DONE]\n\n') });
  });
  engine.running = running;
  cleanup.push(engine);
  return engine;
}

async function gatewayFor(engines, flow, flags = []) {
  const gateway = await startGateway(engines, ['-f', write('objects.yaml', objects(flow)), ...flags]);
  cleanup.push(gateway);
  return gateway;
}

const send = (gateway, text, objective, init = {}) => chat(gateway,
  { stream: true, messages: [{ role: 'user', content: text }] },
  { headers: { 'content-type': 'application/json', ...(objective && { 'x-llm-d-inference-objective': objective }) }, ...init });

const waiting = (gateway) => gateway.metric('llm_d_epp_flow_control_queue_size');

test('requests wait for capacity, the highest priority first', async () => {
  const engine = await slowEngine();
  const gateway = await gatewayFor([engine], 'defaultRequestTTL: 20s');
  const answers = [send(gateway, 'first')];
  await until(() => engine.running.length === 1, 'the first runs');
  for (const [i, objective] of [undefined, 'batch', 'urgent'].entries()) {
    answers.push(send(gateway, objective ?? 'plain', objective));
    await until(async () => await waiting(gateway) === i + 1, 'it waits');
  }
  for (let i = 0; i < answers.length; ++i) {
    await until(() => engine.running.length === i + 1, 'the next runs');
    engine.running[i].end();
  }
  assert.deepEqual(engine.running.map((each) => each.text), ['first', 'urgent', 'plain', 'batch']);
  for (const answer of answers) assert.match(await (await answer).text(), /\[DONE\]/);
  assert.equal(await gateway.metric('llm_d_epp_flow_control_requests_total{'), 4);
});

test('metrics tell requests apart by model, tenant and priority', async () => {
  const engine = await startEngine(answerJson('a'));
  cleanup.push(engine);
  const gateway = await gatewayFor([engine], 'defaultRequestTTL: 20s');
  const ask = (headers, extra = {}) => chat(gateway, extra, { headers: { 'content-type': 'application/json', ...headers } });
  await ask({ 'x-llm-d-inference-fairness-id': 'acme', 'x-llm-d-inference-objective': 'urgent' });
  await ask({ 'x-llm-d-inference-fairness-id': 'acme', 'x-llm-d-inference-objective': 'urgent' });
  await ask({});
  await ask({ 'x-llm-d-inference-fairness-id': 'acme' }, { model: 'of no engine' });
  const page = (await (await fetch(`${gateway.url}/metrics`)).text()).split('\n');
  const total = (name, ...labels) => page.filter((line) => line.startsWith(`${name}{`) && labels.every((label) => line.includes(label)))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  assert.equal(total('llm_d_epp_request_total', 'fairness_id="acme"', 'priority="10"', `target_model_name="${MODEL}"`), 2);
  assert.equal(total('llm_d_epp_request_total', 'fairness_id="default-flow"', 'priority="0"'), 1);
  assert.equal(total('llm_d_epp_request_total'), 3);
  assert.equal(total('llm_d_epp_request_error_total', 'model_name="unknown"', 'error_code="404"'), 1);
});

test('a full queue is 429, told at once; waiting too long is 429 as well', async () => {
  const engine = await slowEngine();
  const gateway = await gatewayFor([engine], 'defaultRequestTTL: 300ms, maxRequests: 1');
  const running = send(gateway, 'first');
  await until(() => engine.running.length === 1, 'the first runs');
  const late = send(gateway, 'late');
  await until(async () => await waiting(gateway) === 1, 'it waits');
  const refused = await send(gateway, 'too many');
  assert.equal(refused.status, 429);
  assert.equal(refused.headers.get('retry-after'), '1');
  assert.equal(refused.headers.get('x-llm-d-request-dropped-reason'), 'rejected-saturated');
  assert.equal((await refused.json()).error.type, 'rate_limit_error');
  assert.equal((await late).status, 429);
  assert.equal((await late).headers.get('x-llm-d-request-dropped-reason'), 'rejected-ttl-expired');
  engine.running[0].end();
  assert.equal((await running).status, 200);
});

test('a client that leaves while it waits takes no place', async () => {
  const engine = await slowEngine();
  const gateway = await gatewayFor([engine], 'defaultRequestTTL: 20s');
  const first = send(gateway, 'first');
  await until(() => engine.running.length === 1, 'the first runs');
  const leaver = new AbortController();
  const left = send(gateway, 'leaver', undefined, { signal: leaver.signal }).catch(() => 'left');
  await until(async () => await waiting(gateway) === 1, 'it waits');
  leaver.abort();
  await until(async () => await waiting(gateway) === 0, 'it waits no more');
  const next = send(gateway, 'next');
  await until(async () => await waiting(gateway) === 1, 'the next waits');
  engine.running[0].end();
  await until(() => engine.running.length === 2, 'the next runs');
  engine.running[1].end();
  assert.equal(engine.running[1].text, 'next');
  assert.equal(await left, 'left');
  assert.equal((await first).status, 200);
  assert.equal((await next).status, 200);
});

test('a running sheddable request gives way, and its client is told within the stream', async () => {
  const engine = await slowEngine();
  const gateway = await gatewayFor([engine], 'defaultRequestTTL: 20s, enableEviction: true');
  const batch = await send(gateway, 'batch', 'batch');
  await until(() => engine.running.length === 1, 'the batch runs');
  const urgent = send(gateway, 'urgent', 'urgent');
  const text = await batch.text();
  assert.match(text, /"n":1/);
  assert.match(text, /data: \{"error":\{.*rate_limit_error/);
  await until(() => engine.running.length === 2, 'the urgent one runs');
  assert.equal(engine.aborted, 1);
  engine.running[1].end();
  assert.equal((await urgent).status, 200);
});

test('without an engine requests wait for one', async () => {
  const endpoints = write('endpoints.yaml', 'endpoints: []\n');
  const gateway = await startGateway([],
    ['--endpoints', endpoints, '-f', write('objects.yaml', objects('noEndpointRequestTTL: 20s'))], { waitReady: false });
  cleanup.push(gateway);
  const early = send(gateway, 'early');
  await until(async () => await waiting(gateway) === 1, 'it waits');
  const engine = await slowEngine();
  write('endpoints.yaml', `endpoints:\n- {name: e, address: 127.0.0.1, port: "${engine.port}"}\n`);
  await until(() => engine.running.length === 1, 'it runs');
  engine.running[0].end();
  assert.equal((await early).status, 200);
});

test('a new configuration keeps those who wait, and SIGHUP reads it at once', async () => {
  const engine = await slowEngine();
  const gateway = await gatewayFor([engine], 'defaultRequestTTL: 20s');
  const first = send(gateway, 'first');
  await until(() => engine.running.length === 1, 'the first runs');
  const waits = send(gateway, 'waits');
  await until(async () => await waiting(gateway) === 1, 'it waits');
  write('objects.yaml', `${objects('defaultRequestTTL: 30s')}---
apiVersion: llm-d.ai/v1alpha2
kind: InferenceModelRewrite
metadata: {name: alias}
spec: {poolRef: {name: pool}, rules: [{matches: [{model: {type: Exact, value: alias}}], targets: [{modelRewrite: m}]}]}
`);
  gateway.child.kill('SIGHUP');
  await until(async () => (await (await fetch(`${gateway.url}/v1/models`)).text()).includes('alias'), 'the file is read');
  engine.running[0].end();
  await until(() => engine.running.length === 2, 'the one that waited runs');
  engine.running[1].end();
  assert.equal((await first).status, 200);
  assert.equal((await waits).status, 200);
});
