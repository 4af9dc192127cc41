// SPDX-License-Identifier: Apache-2.0
// fake_engine.mjs PORT MODEL: an engine of type command that answers one word at a time.
import { createServer } from 'node:http';

const [port, model] = process.argv.slice(2);
const kWords = 20;

function complete(request, response) {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  let sent = 0;
  const timer = setInterval(() => {
    const choice = { index: 0, delta: { content: `word${sent} ` }, finish_reason: null };
    response.write(`data: ${JSON.stringify({ id: 'x', object: 'chat.completion.chunk', model,
      choices: [choice] })}\n\n`);
    if (++sent < kWords) return;
    clearInterval(timer);
    response.end('data: [DONE]\n\n');
  }, 20);
  response.on('close', () => clearInterval(timer));
}

const routes = {
  '/health': (_, response) => response.end(),
  '/v1/models': (_, response) => response.end(JSON.stringify({ data: [{ id: model }] })),
  '/v1/chat/completions': complete,
};

const server = createServer((request, response) => {
  const route = routes[request.url];
  if (route) return route(request, response);
  response.writeHead(404).end();
});
server.listen(Number(port), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
