// SPDX-License-Identifier: Apache-2.0
// Request smuggling: each case on its own against the gateway, and in comparison with nginx.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { once } from 'node:events';

import { answerJson, raw, startEngine, startGateway, status, until } from './gateway.mjs';
import { CASES } from './smuggling_cases.mjs';

let engine;
let gateway;
let nginx;
let nginxPort;
let folder;

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

const nginxConf = (port, origin) => `
daemon off; master_process off; pid ${folder}/nginx.pid; error_log ${folder}/error.log crit;
events {}
http {
  access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;
  server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${origin}; } }
}`;

before(async () => {
  engine = await startEngine(answerJson('hi'));
  gateway = await startGateway([engine], ['--head-timeout', '2', '--body-timeout', '2', '--idle-timeout', '0.3']);
  if (spawnSync('nginx', ['-v']).error) return;
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'llmd-nginx-'));
  nginxPort = await freePort();
  fs.writeFileSync(`${folder}/nginx.conf`, nginxConf(nginxPort, engine.port));
  nginx = spawn('nginx', ['-c', `${folder}/nginx.conf`, '-p', folder], { stdio: 'inherit' });
  await until(() => new Promise((resolve) => {
    const socket = net.connect(nginxPort, '127.0.0.1', () => { socket.destroy(); resolve(true); });
    socket.on('error', () => resolve(false));
  }), 'nginx listens');
});
after(async () => {
  await gateway?.stop();
  engine?.stop();
  nginx?.kill('SIGKILL');
  if (folder) fs.rmSync(folder, { recursive: true, force: true });
});

const refused = (answer) => status(answer) >= 400 && status(answer) !== 404 && status(answer) !== 502;

for (const [name, bytes] of CASES) {
  test(`refused, and nothing behind it is read: ${name}`, async () => {
    const before = engine.requests;
    const answer = await raw(gateway.port, `${bytes}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.ok([400, 405, 501, 505].includes(status(answer)), answer.slice(0, 200));
    assert.equal(answer.match(/HTTP\/1\.1 \d{3} /g).length, 1, 'one answer only');
    assert.match(answer, /"error":/);
    assert.equal(engine.requests, before, 'the engine saw nothing');
  });
}

test('the gateway refuses whatever nginx refuses', async (t) => {
  if (!nginx) return t.skip('nginx is not installed');
  for (const [name, bytes] of CASES) {
    const theirs = await raw(nginxPort, bytes, { end: true });
    if (!refused(theirs)) continue;
    assert.ok(refused(await raw(gateway.port, bytes)), name);
  }
});
