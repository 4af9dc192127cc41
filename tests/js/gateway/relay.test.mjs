// SPDX-License-Identifier: Apache-2.0
// What goes through and what does not: the surface, headers, errors, limits.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { once } from 'node:events';
import { after, before, test } from 'node:test';

import {
  MODEL, answerJson, chat, chatBody, raw, rawUntil, startEngine, startGateway, status, until,
} from './gateway.mjs';

let engine;
let gateway;
before(async () => {
  engine = await startEngine(answerJson('hi'));
  gateway = await startGateway([engine], [
    '--max-body-bytes', '100000', '--max-head-bytes', '4096', '--head-timeout', '0.2', '--body-timeout', '0.2',
  ]);
});
after(async () => {
  await gateway?.stop();
  engine?.stop();
});

const postOf = (body, headers = '') =>
  `POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n${headers}Content-Length: ${body.length}\r\n\r\n${body}`;

test('every relayed path reaches the engine as it was sent', async () => {
  for (const url of ['/v1/chat/completions', '/v1/completions?x=1', '/inference/v1/generate', '/tokenize', '/detokenize']) {
    const body = `{ "model":"${MODEL}", "prompt":"a",  "unknown": 1.50 }`;
    const answer = await fetch(gateway.url + url, { method: 'POST', body });
    assert.equal(answer.status, 200);
    assert.deepEqual(await answer.json(), { answer: 'hi' });
    assert.equal(engine.url, url);
    assert.equal(engine.body, body);
  }
});

test('a chunked body arrives with a length', async () => {
  const body = chatBody();
  const answer = await rawUntil(gateway.port,
    `POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
    (text) => text.includes('"hi"'));
  assert.equal(status(answer), 200);
  assert.equal(engine.headers['content-length'], String(body.length));
  assert.equal(engine.headers['transfer-encoding'], undefined);
});

test('control and connection headers of clients stop here', async () => {
  const names = [
    'x-gateway-destination-endpoint', 'X-Gateway-Destination-Endpoint-Subset', 'x-prefiller-host-port', 'x_prefiller_host_port',
    'x-encoder-hosts-ports', 'x-kv-cache-source-host-port', 'x-data-parallel-host-port', 'x-data-parallel-rank',
    'x-llm-d-model-name-rewrite', 'EPP-Profile', 'TE', 'Upgrade', 'Keep-Alive', 'Proxy-Connection', 'Proxy-Authorization', 'x-named',
  ];
  const headers = names.map((name) => `${name}: evil\r\n`).join('');
  await rawUntil(gateway.port,
    postOf(chatBody(), `${headers}Connection: keep-alive, x-named\r\nAuthorization: Bearer k\r\nx-kept: 1\r\nx-kept: 2\r\n`),
    (text) => text.includes('"hi"'));
  assert.ok(!JSON.stringify(engine.rawHeaders).includes('evil'), JSON.stringify(engine.rawHeaders));
  assert.equal(engine.headers.authorization, 'Bearer k');
  assert.equal(engine.headers['x-kept'], '1, 2');
});

test('a request id is made when there is none, and returned', async () => {
  const made = await chat(gateway);
  assert.match(made.headers.get('x-request-id'), /^[0-9a-f]{32}$/);
  assert.equal(engine.headers['x-request-id'], made.headers.get('x-request-id'));
  const given = await chat(gateway, {}, { headers: { 'x-request-id': 'mine' } });
  assert.equal(given.headers.get('x-request-id'), 'mine');
  assert.equal(engine.headers['x-request-id'], 'mine');
});

test('own pages', async () => {
  const models = await (await fetch(`${gateway.url}/v1/models`)).json();
  assert.deepEqual(models.data.map((entry) => entry.id), [MODEL]);
  assert.equal((await fetch(`${gateway.url}/health`)).status, 200);
  assert.equal((await fetch(`${gateway.url}/ready`)).status, 200);
  assert.equal((await fetch(`${gateway.url}/health`, { method: 'HEAD' })).status, 200);
  assert.ok(await gateway.metric('llm_d_epp_request_total') > 0);
  assert.ok(await gateway.metric('llm_d_epp_scheduler_e2e_duration_seconds_count') > 0);
});

const errorOf = async (answer) => (await answer.json()).error;

test('errors in the API shape', async () => {
  const post = (body) => fetch(`${gateway.url}/v1/chat/completions`, { method: 'POST', body });
  const cases = [
    [await post('{"model":'), 400], [await post('[]'), 400], [await post('{"messages":[]}'), 400],
    [await post('{"model":1}'), 400], [await post('{"model":"m","model":"m"}'), 400], [await post('{"model":"other"}'), 404],
    [await post('{"model":"m","kv_transfer_params":{"do_remote_prefill":true}}'), 400],
    [await fetch(`${gateway.url}/v1/embeddings`, { method: 'POST', body: '{}' }), 404],
    [await fetch(`${gateway.url}/v1/completions`), 405],
    [await fetch(`${gateway.url}/v1/models`, { method: 'POST', body: '{}' }), 405],
  ];
  for (const [answer, expected] of cases) {
    assert.equal(answer.status, expected);
    assert.equal(typeof (await errorOf(answer)).message, 'string');
  }
  assert.match((await errorOf(await post('{"model":"other"}'))).message, /there is: m/);
});

test('413, 431, 408', async () => {
  assert.equal(status(await raw(gateway.port, postOf('x').replace('Content-Length: 1', 'Content-Length: 100001'))), 413);
  const chunk = `186a0\r\n${'x'.repeat(100_000)}\r\n`;
  assert.equal(status(await raw(gateway.port, `POST /v1/completions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}${chunk}`)), 413);
  assert.equal(status(await raw(gateway.port, `GET /health HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(5000)}`)), 431);
  assert.equal(status(await raw(gateway.port, `GET /health HTTP/1.1\r\nHost: a\r\n${'a: b\r\n'.repeat(200)}\r\n`)), 431);
  assert.equal(status(await raw(gateway.port, 'GET /health HTTP/1.1\r\nHo')), 408);
  assert.equal(status(await raw(gateway.port, 'POST /v1/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{')), 408);
  assert.ok(await gateway.metric('llmd_gateway_limit_reached_total') >= 6);
});

test('a head that trickles in does not hold up others', async () => {
  const slow = net.connect(gateway.port, '127.0.0.1');
  slow.on('error', () => {});
  slow.write('GET /health HTTP/1.1\r\n');
  assert.equal((await chat(gateway)).status, 200);
  slow.destroy();
});

test('pipelined requests are answered in order', async () => {
  const bytes = postOf(chatBody()) + 'GET /health HTTP/1.1\r\nHost: a\r\n\r\n' + postOf('{') + 'GET /nothing HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
  const answer = await raw(gateway.port, bytes);
  assert.deepEqual([...answer.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1]), ['200', '200', '400', '404']);
});

test('no engine: 503 with Retry-After, and the file is followed', async () => {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'llmd-')), 'endpoints.yaml');
  fs.writeFileSync(file, 'endpoints: []\n');
  const lonely = await startGateway([], ['--endpoints', file], { waitReady: false });
  try {
    const answer = await chat(lonely);
    assert.equal(answer.status, 503);
    assert.equal(answer.headers.get('retry-after'), '5');
    assert.equal((await fetch(`${lonely.url}/ready`)).status, 503);
    fs.writeFileSync(`${file}.new`, `endpoints:\n- {name: e, address: 127.0.0.1, port: "${engine.port}"}\n`);
    fs.renameSync(`${file}.new`, file);
    await until(async () => (await fetch(`${lonely.url}/ready`)).status === 200, 'the new endpoint is used');
    assert.equal((await chat(lonely)).status, 200);
  } finally {
    await lonely.stop();
  }
});

test('SIGTERM lets a running request end', async () => {
  let release;
  const slow = await startEngine(async (request, response) => {
    await new Promise((resolve) => { release = resolve; });
    response.end('{"late":true}');
  });
  const ending = await startGateway([slow]);
  const exited = once(ending.child, 'exit');
  const answer = chat(ending);
  await until(() => release, 'the request is at the engine');
  ending.child.kill('SIGTERM');
  await until(() => fetch(`${ending.url}/health`).then(() => false, () => true), 'no new connections');
  release();
  assert.deepEqual(await (await answer).json(), { late: true });
  assert.deepEqual(await exited, [0, null]);
  slow.stop();
});
