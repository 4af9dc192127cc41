// SPDX-License-Identifier: Apache-2.0
// serve PORT HZ: an origin whose streams each get HZ events a second, written as engines write them.
// read PORT STREAMS: opens that many; prints "begun", then the events so far for each line of stdin.
import http from 'node:http';
import net from 'node:net';

const [mode, port, number] = process.argv.slice(2);
const chunk = {
  id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm',
  choices: [{ index: 0, delta: { content: ' word' }, logprobs: null, finish_reason: null }],
};
const EVENT = `data: ${JSON.stringify(chunk)}\n\n`;
const FRAME = Buffer.from(`${EVENT.length.toString(16)}\r\n${EVENT}\r\n`);
const MARK = Buffer.from('data: ');

function serve() {
  const streams = new Set();
  http.createServer((request, response) => {
    if (request.method === 'GET') {
      return response.end(request.url === '/v1/models' ? '{"object":"list","data":[{"id":"m"}]}' : '');
    }
    request.resume();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    streams.add(response.socket);
    response.on('close', () => streams.delete(response.socket));
  }).listen(Number(port), '127.0.0.1');
  setInterval(() => {
    for (const socket of streams) socket.write(FRAME);
  }, 1000 / Number(number));
}

function read() {
  let events = 0;
  let begun = 0;
  const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hi' }], stream: true });
  for (let i = 0; i < Number(number); ++i) {
    const socket = net.connect(Number(port), '127.0.0.1', () => {
      socket.write(`POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    });
    let first = true;
    socket.on('data', (data) => {
      for (let at = data.indexOf(MARK); at >= 0; at = data.indexOf(MARK, at + MARK.length)) ++events;
      if (first && ++begun === Number(number)) console.log('begun');
      first = false;
    });
  }
  process.stdin.on('data', () => console.log(events));
}

if (mode === 'serve') serve();
else read();
