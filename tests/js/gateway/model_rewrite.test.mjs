// SPDX-License-Identifier: Apache-2.0
// Aliases and canaries: the engine is asked for one model, the client sees the name that it used.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';

import OpenAI from 'openai';

import { MODEL, chat, startEngine, startGateway } from './gateway.mjs';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'llmd-rewrite-'));
const file = path.join(folder, 'rewrite.yaml');
fs.writeFileSync(file, `apiVersion: llm-d.ai/v1alpha2
kind: InferenceModelRewrite
metadata: {name: alias}
spec:
  poolRef: {name: pool}
  rules:
  - matches: [{model: {type: Exact, value: 'an "alias"'}}]
    targets: [{modelRewrite: ${MODEL}}]
  - matches: [{model: {type: Exact, value: canary}}]
    targets: [{modelRewrite: ${MODEL}, weight: 80}, {modelRewrite: new, weight: 20}]
`);

/** Answers as an engine that serves `model`; events in pieces that split the name. */
const serve = (model) => async (request, response, body) => {
  const asked = JSON.parse(body);
  if (!asked.stream) {
    response.setHeader('content-type', 'application/json');
    return response.end(JSON.stringify({ id: '1', object: 'chat.completion', model, choices: [
      { index: 0, message: { role: 'assistant', content: `"model":"${model}"` }, finish_reason: 'stop' }] }));
  }
  response.setHeader('content-type', 'text/event-stream');
  for (const word of ['a ', 'b ', 'c']) {
    const event = `data: ${JSON.stringify({ id: '1', object: 'chat.completion.chunk', model, choices: [{ index: 0, delta: { content: word } }] })}\n\n`;
    const cut = event.indexOf('"model"') + 9;
    for (const piece of [event.slice(0, cut), event.slice(cut)]) {
      await new Promise((resolve) => response.write(piece, resolve));
    }
  }
  response.end('data: [DONE]\n\n');
};

let engines;
let gateway;
let client;
before(async () => {
  engines = [await startEngine(serve(MODEL)), await startEngine(serve('new'), { model: 'new' })];
  gateway = await startGateway(engines, ['-f', file]);
  client = new OpenAI({ apiKey: 'none', baseURL: `${gateway.url}/v1`, maxRetries: 0 });
});
after(async () => {
  await gateway?.stop();
  engines?.forEach((engine) => engine.stop());
  fs.rmSync(folder, { recursive: true });
});

test('the client sees the name that it asked for, whole and streamed', async () => {
  const messages = [{ role: 'user', content: 'hi' }];
  const whole = await client.chat.completions.create({ model: 'an "alias"', messages });
  assert.equal(whole.model, 'an "alias"');
  assert.equal(whole.choices[0].message.content, `"model":"${MODEL}"`);
  assert.equal(JSON.parse(engines[0].body).model, MODEL);
  assert.equal(engines[0].headers['content-length'], String(engines[0].body.length));
  let text = '';
  for await (const chunk of await client.chat.completions.create({ model: 'an "alias"', messages, stream: true })) {
    assert.equal(chunk.model, 'an "alias"');
    text += chunk.choices[0].delta.content;
  }
  assert.equal(text, 'a b c');
});

test('weights split the requests', async () => {
  const before = engines.map((engine) => engine.requests);
  for (let i = 0; i < 200; ++i) assert.equal((await (await chat(gateway, { model: 'canary' })).json()).model, 'canary');
  const share = (engines[1].requests - before[1]) / 200;
  assert.ok(share > 0.08 && share < 0.34, `${share}`);  // 0.2 ± 5 standard deviations
  assert.equal(engines[0].requests - before[0] + engines[1].requests - before[1], 200);
});

test('aliases are listed; clients may not force a model', async () => {
  const { data } = await (await fetch(`${gateway.url}/v1/models`)).json();
  assert.deepEqual(data.map((each) => each.id), ['an "alias"', 'canary', MODEL, 'new']);
  const answer = await chat(gateway, {}, { headers: { 'x-llm-d-model-name-rewrite': 'new' } });
  assert.equal((await answer.json()).model, MODEL);
});

test('a trusted proxy may force a model and narrow the choice, and learns who served', async () => {
  const trusting = await startGateway(engines, ['--trusted']);
  try {
    const forced = await chat(trusting, {}, { headers: { 'X-LLM-D-Model-Name-Rewrite': 'new', traceparent: '00-a-b-01' } });
    assert.equal((await forced.json()).model, MODEL);
    assert.equal(forced.headers.get('x-gateway-destination-endpoint-served'), `127.0.0.1:${engines[1].port}`);
    assert.equal(engines[1].headers.traceparent, '00-a-b-01');
    const other = `127.0.0.1:${engines[1].port}`;
    const none = await chat(trusting, {}, { headers: { 'x-gateway-destination-endpoint-subset': other } });
    assert.equal(none.status, 503);
    assert.equal(none.headers.get('x-llm-d-request-dropped-reason'), 'rejected-no-endpoints');
  } finally {
    await trusting.stop();
  }
});
