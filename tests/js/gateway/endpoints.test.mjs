// SPDX-License-Identifier: Apache-2.0
// Endpoints given by name and by IPv6 address, and endpoints that drain.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { once } from 'node:events';
import { afterEach, test } from 'node:test';

import { answerJson, chat, replaceFile, startEngine, startGateway, until } from './gateway.mjs';

let cleanup = [];
afterEach(async () => {
  for (const thing of cleanup.reverse()) await thing.stop();
  cleanup = [];
});
async function engineThat(answer, options) {
  const engine = await startEngine(answer, options);
  cleanup.push(engine);
  return engine;
}

/** An endpoints.yaml with these lines; replace() writes others. */
function listOf(lines) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'endpoints-'));
  const file = path.join(folder, 'endpoints.yaml');
  const replace = (entries) => replaceFile(file, `endpoints:\n${entries.map((entry) => `- ${entry}\n`).join('')}`);
  replace(lines);
  cleanup.push({ stop: () => fs.rmSync(folder, { recursive: true }) });
  return { file, replace };
}
/** Ready when one engine can serve. */
async function gatewayFor(flags) {
  const gateway = await startGateway([], flags, { waitReady: false });
  cleanup.push(gateway);
  await until(() => isReady(gateway), 'an engine is ready');
  return gateway;
}
const isReady = async (gateway) => (await fetch(`${gateway.url}/ready`)).status === 200;
const header = (engine, name) => engine.rawHeaders[engine.rawHeaders.findIndex((each) => each.toLowerCase() === name) + 1];

async function hasIpv6() {
  const server = net.createServer();
  try {
    server.listen(0, '::1');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

test('a host name is resolved, whichever of its addresses works', async () => {
  const engine = await engineThat(answerJson('by name'));
  const { file } = listOf([`{name: e, address: localhost, port: ${engine.port}}`]);
  const gateway = await gatewayFor(['--endpoints', file]);
  assert.deepEqual(await (await chat(gateway)).json(), { answer: 'by name' });
  assert.equal(header(engine, 'host'), `localhost:${engine.port}`);
});

test('a name that does not exist is an endpoint that is down, others serve', async () => {
  const engine = await engineThat(answerJson('well'));
  const { file } = listOf(['{name: lost, address: no-such-host.invalid, port: "1"}',
    `{name: e, address: 127.0.0.1, port: "${engine.port}"}`]);
  const gateway = await gatewayFor(['--endpoints', file]);
  for (let i = 0; i < 4; ++i) assert.deepEqual(await (await chat(gateway)).json(), { answer: 'well' });
});

test('IPv6, with brackets in the Host header', async (t) => {
  if (!await hasIpv6()) return t.skip('this machine has no ::1');
  const engine = await engineThat(answerJson('six'), { host: '::1' });
  const { file } = listOf([`{name: e, address: "::1", port: "${engine.port}"}`]);
  for (const flags of [['--endpoints', file], ['--endpoint', `http://[::1]:${engine.port}`]]) {
    const gateway = await gatewayFor(flags);
    assert.deepEqual(await (await chat(gateway)).json(), { answer: 'six' });
    assert.equal(header(engine, 'host'), `[::1]:${engine.port}`);
  }
});

test('a draining endpoint takes no new requests, and those it has end', async () => {
  let release;
  const released = new Promise((resolve) => { release = resolve; });
  const engine = await engineThat(async (request, response) => {
    await released;
    answerJson('slow')(request, response);
  });
  const entry = (labels) => `{name: e, address: 127.0.0.1, port: "${engine.port}", labels: {${labels}}}`;
  const list = listOf([entry('')]);
  const gateway = await gatewayFor(['--endpoints', list.file]);
  const running = chat(gateway);
  await until(() => engine.requests === 1, 'the request came');
  list.replace([entry('llm-d.ai/draining: "true"')]);
  await until(async () => !await isReady(gateway), 'nobody is left for new requests');
  assert.equal(await gateway.metric('llm_d_epp_ready_endpoints'), 0);
  assert.equal((await chat(gateway)).status, 503);
  release();
  assert.deepEqual(await (await running).json(), { answer: 'slow' });
  assert.equal(engine.requests, 1);
  list.replace([entry('')]);
  await until(() => isReady(gateway), 'it is back');
});
