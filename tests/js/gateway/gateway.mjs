// SPDX-License-Identifier: Apache-2.0
// Helpers: a gateway process, engines that misbehave on demand, raw sockets.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import readline from 'node:readline';

export const MODEL = 'm';
const DEADLINE_MS = 20_000;

/** Resolves when `check` returns something true; fails the test after a bound. */
export async function until(check, what) {
  const end = Date.now() + DEADLINE_MS;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (Date.now() > end) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Replaces the file as a whole, as editors and Kubernetes do. */
export function replaceFile(file, text) {
  fs.writeFileSync(`${file}.new`, text);
  fs.renameSync(`${file}.new`, file);
}

/** An engine whose POST requests go to `answer(request, response, body)`; its metrics page is `metrics`. */
export async function startEngine(answer, { model = MODEL, host = '127.0.0.1' } = {}) {
  const engine = { requests: 0, aborted: 0, metrics: '', sockets: new Set() };
  const server = http.createServer(async (request, response) => {
    if (request.method === 'GET') {
      if (request.url === '/v1/models') {
        return response.end(JSON.stringify({ object: 'list', data: [{ id: model, object: 'model' }] }));
      }
      return response.end(request.url === '/metrics' ? engine.metrics : '');
    }
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    engine.requests += 1;
    engine.headers = request.headers;
    engine.rawHeaders = request.rawHeaders;
    engine.url = request.url;
    engine.body = Buffer.concat(chunks).toString();
    response.on('close', () => {
      if (!response.writableFinished) engine.aborted += 1;
    });
    await answer(request, response, engine.body);
  });
  server.keepAliveTimeout = 60_000;
  server.on('connection', (socket) => {
    engine.sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => engine.sockets.delete(socket));
  });
  server.listen(0, host);
  await once(server, 'listening');
  engine.port = server.address().port;
  engine.url_base = `http://127.0.0.1:${engine.port}`;
  engine.stop = () => {
    server.close();
    for (const socket of engine.sockets) socket.destroy();
  };
  return engine;
}

export const answerJson = (text) => (request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify({ answer: text }));
};

/** `llmd gateway` before `engines`; ready when all of their models are known. */
export async function startGateway(engines, flags = [], { waitReady = true } = {}) {
  const args = ['gateway', '--port', '0', ...flags];
  for (const engine of engines) args.push('--endpoint', engine.url_base ?? engine);
  const child = spawn(process.env.LLMD_BIN, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = readline.createInterface({ input: child.stdout });
  const [line] = await Promise.race([
    once(lines, 'line'),
    once(child, 'exit').then(([code]) => { throw new Error(`gateway ended with ${code}`); }),
  ]);
  const url = line.match(/^llmd ready gateway (http:\/\/\S+)$/)[1];
  const gateway = { child, url, port: Number(new URL(url).port) };
  gateway.stop = async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  };
  gateway.metric = async (name) => {
    const page = await (await fetch(`${url}/metrics`)).text();
    return page.split('\n').filter((l) => l.startsWith(name)).reduce((sum, l) => sum + Number(l.split(' ').at(-1)), 0);
  };
  if (waitReady) {
    await until(async () => await gateway.metric('llm_d_epp_ready_endpoints') === engines.length, 'engines ready');
  }
  return gateway;
}

export const chatBody = (extra = {}) =>
  JSON.stringify({ model: MODEL, messages: [{ role: 'user', content: 'hello' }], ...extra });

export function chat(gateway, extra = {}, init = {}) {
  return fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST', body: chatBody(extra), headers: { 'content-type': 'application/json' }, ...init,
  });
}

/** Sends bytes as they are and returns everything that comes back until the other side closes. */
export async function raw(port, bytes, { end = false } = {}) {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => {});
  let all = '';
  socket.on('data', (data) => { all += data.toString('latin1'); });
  socket.write(Buffer.from(bytes, 'latin1'));
  if (end) socket.end();
  await once(socket, 'close');
  return all;
}

/** As raw(), but ends when `done(text)` says so. */
export async function rawUntil(port, bytes, done) {
  const socket = net.connect(port, '127.0.0.1');
  socket.on('error', () => {});
  let all = '';
  const finished = new Promise((resolve) => {
    socket.on('data', (data) => {
      all += data.toString('latin1');
      if (done(all)) resolve();
    });
    socket.on('close', resolve);
  });
  socket.write(Buffer.from(bytes, 'latin1'));
  await finished;
  socket.destroy();
  return all;
}

export const status = (answer) => Number(answer.match(/^HTTP\/1\.1 (\d{3}) /)?.[1] ?? 0);
