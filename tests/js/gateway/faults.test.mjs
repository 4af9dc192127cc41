// SPDX-License-Identifier: Apache-2.0
// Engines that refuse, hang, die and lie; clients that are slow or go away.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { once } from 'node:events';
import { afterEach, test } from 'node:test';

import { answerJson, chat, chatBody, rawUntil, startEngine, startGateway, status, until } from './gateway.mjs';

let cleanup = [];
afterEach(async () => {
  for (const thing of cleanup.reverse()) await thing.stop();
  cleanup = [];
});
async function engineThat(answer) {
  const engine = await startEngine(answer);
  cleanup.push(engine);
  return engine;
}
async function gatewayFor(engines, flags) {
  const gateway = await startGateway(engines, flags);
  cleanup.push(gateway);
  return gateway;
}
const sse = (text) => `data: ${JSON.stringify({ text })}\n\n`;

/** One engine that does `bad` with its first request, one that is well: every request succeeds. */
async function succeedsElsewhere(bad, flags) {
  const sick = await engineThat(bad);
  const well = await engineThat(answerJson('well'));
  const gateway = await gatewayFor([sick, well], flags);
  // Equal engines are drawn among: go on until the sick one was (never, once in 2^100).
  for (let i = 0; i < 6 || (sick.requests === 0 && i < 100); ++i) {
    const answer = await chat(gateway);
    assert.equal(answer.status, 200);
    assert.deepEqual(await answer.json(), { answer: 'well' });
  }
  assert.ok(sick.requests > 0, 'the sick engine was tried');
  assert.ok(await gateway.metric('llmd_gateway_retries_total') > 0);
}

test('500 goes elsewhere', () => succeedsElsewhere((request, response) => response.writeHead(500).end('no')));
test('503 goes elsewhere', () => succeedsElsewhere((request, response) => response.writeHead(503).end('no')));
test('a closed connection goes elsewhere', () => succeedsElsewhere((request) => request.socket.destroy()));
test('a reset connection goes elsewhere', () => succeedsElsewhere((request) => request.socket.resetAndDestroy()));
test('half a head goes elsewhere', () => succeedsElsewhere((request) => request.socket.end('HTTP/1.1 200 OK\r\nContent-')));
test('nonsense goes elsewhere', () => succeedsElsewhere((request) => request.socket.end('SSH-2.0-x\r\n')));
test('a head without a body goes elsewhere', () => succeedsElsewhere((request) => request.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n')));
test('silence goes elsewhere', () => succeedsElsewhere(() => {}, ['--first-byte-timeout', '0.2']));

test('an engine that is gone: elsewhere', async () => {
  const gone = await engineThat(answerJson('gone'));
  const well = await engineThat(answerJson('well'));
  const gateway = await gatewayFor([gone, well]);
  gone.stop();
  for (let i = 0; i < 6; ++i) assert.deepEqual(await (await chat(gateway)).json(), { answer: 'well' });
});

test('all fail: the last answer is passed on, else 502', async () => {
  const gateway = await gatewayFor([
    await engineThat((request, response) => response.writeHead(503, { 'x-own': '1' }).end('{"own":true}')),
    await engineThat((request, response) => response.writeHead(503, { 'x-own': '1' }).end('{"own":true}')),
  ]);
  const answer = await chat(gateway);
  assert.equal(answer.status, 503);
  assert.deepEqual(await answer.json(), { own: true });
  const dead = await gatewayFor([await engineThat((request) => request.socket.destroy())]);
  const none = await chat(dead);
  assert.equal(none.status, 502);
  assert.equal(typeof (await none.json()).error.message, 'string');
});

test('501, 4xx are the answer', async () => {
  for (const code of [501, 400, 404, 429]) {
    const engine = await engineThat((request, response) => response.writeHead(code).end('{}'));
    const gateway = await gatewayFor([engine, await engineThat((request, response) => response.writeHead(code).end('{}'))]);
    assert.equal((await chat(gateway)).status, code);
    assert.equal(await gateway.metric('llmd_gateway_retries_total'), 0);
  }
});

test('a stream that breaks ends with an error event', async () => {
  const engine = await engineThat(async (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(sse('one'));
    response.write(sse('two') + 'data: {"te');
    await until(() => response.writableLength === 0, 'written');
    request.socket.destroy();
  });
  const gateway = await gatewayFor([engine]);
  const text = await (await chat(gateway, { stream: true })).text();
  assert.ok(text.startsWith(sse('one') + sse('two')), text);
  const last = text.slice((sse('one') + sse('two')).length);
  assert.match(last, /^data: \{"error":.*\}\n\n$/);
});

test('a stream that stops ends with an error event', async () => {
  const engine = await engineThat((request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(sse('one'));
  });
  const gateway = await gatewayFor([engine], ['--read-timeout', '0.2']);
  const text = await (await chat(gateway, { stream: true })).text();
  assert.match(text, /^data: \{"text":"one"\}\n\ndata: \{"error":.*\}\n\n$/);
  await until(() => engine.aborted === 1, 'the engine is told');
});

test('an answer that is no stream is cut', async () => {
  const engine = await engineThat((request) => request.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc'));
  const gateway = await gatewayFor([engine]);
  await assert.rejects(chat(gateway).then((answer) => answer.text()));
});

test('events pass one by one', async () => {
  let next;
  const engine = await engineThat(async (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (let i = 0; i < 5; ++i) {
      response.write(sse(i));
      await new Promise((resolve) => { next = resolve; });
    }
    response.end('data: [DONE]\n\n');
  });
  const gateway = await gatewayFor([engine]);
  const answer = await chat(gateway, { stream: true });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (let i = 0; i < 5; ++i) {
    assert.equal((await reader.read()).value, sse(i));
    next();
  }
  assert.equal((await reader.read()).value, 'data: [DONE]\n\n');
});

test('a client that goes away frees the engine at once', async () => {
  const engine = await engineThat((request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(sse('one'));
  });
  const gateway = await gatewayFor([engine]);
  const controller = new AbortController();
  const answer = await chat(gateway, { stream: true }, { signal: controller.signal });
  await answer.body.getReader().read();
  controller.abort();
  await until(() => engine.aborted === 1, 'the engine is told');
});

test('also before the answer has begun', async () => {
  const engine = await engineThat(() => {});
  const gateway = await gatewayFor([engine]);
  const controller = new AbortController();
  const answer = chat(gateway, {}, { signal: controller.signal });
  await until(() => engine.requests === 1, 'the request is there');
  controller.abort();
  await assert.rejects(answer);
  await until(() => engine.aborted === 1, 'the engine is told');
});

test('a slow client of a fast engine holds the engine back, not the memory', async () => {
  const event = `data: ${'x'.repeat(1000)}\n\n`;
  const events = 60_000;  // several times what kernels buffer on the way
  let sent = 0;
  const engine = await engineThat(async (request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (let i = 0; i < events && !response.destroyed; ++i) {
      sent += event.length;
      if (!response.write(event)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
    }
    response.end();
  });
  const gateway = await gatewayFor([engine]);
  const rssKb = () => Number(fs.readFileSync(`/proc/${gateway.child.pid}/status`, 'utf8').match(/VmHWM:\s+(\d+)/)[1]);
  const before = rssKb();
  const body = chatBody({ stream: true });
  const socket = net.connect(gateway.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.write(`POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await once(socket, 'readable');
  let seen = -1;  // nobody reads: the engine must come to a stop
  await until(async () => {
    const still = sent === seen && sent > 0;
    seen = sent;
    await new Promise((resolve) => setTimeout(resolve, 200));
    return still;
  }, 'the engine is held back');
  assert.ok(sent < events * event.length / 2, `${sent} bytes are on their way`);
  assert.ok(rssKb() - before < 8192, `${rssKb() - before} KiB grown`);
  socket.resume();  // and goes on when the client reads
  await until(() => sent === events * event.length, 'all is sent');
  socket.destroy();
});

test('a client of HTTP/1.0 gets a plain stream', async () => {
  const engine = await engineThat((request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(sse('one'));
    response.end(sse('two'));
  });
  const gateway = await gatewayFor([engine]);
  const body = chatBody();
  const answer = await rawUntil(gateway.port, `POST /v1/chat/completions HTTP/1.0\r\nContent-Length: ${body.length}\r\n\r\n${body}`, () => false);
  assert.equal(status(answer), 200);
  assert.ok(answer.endsWith(`\r\n\r\n${sse('one')}${sse('two')}`), answer);
});

test('kept connections that the engine closed are no failure', async () => {
  const engine = await engineThat(answerJson('hi'));
  const gateway = await gatewayFor([engine]);
  for (let i = 0; i < 20; ++i) {
    assert.equal((await chat(gateway)).status, 200);
    for (const socket of engine.sockets) socket.destroy();
  }
});

test('64 at once', async () => {
  const engine = await engineThat(answerJson('hi'));
  const gateway = await gatewayFor([engine, await engineThat(answerJson('hi'))]);
  const agent = new http.Agent({ maxSockets: 64 });
  const answers = await Promise.all(Array.from({ length: 256 }, () => chat(gateway)));
  assert.ok(answers.every((answer) => answer.status === 200));
  agent.destroy();
});
