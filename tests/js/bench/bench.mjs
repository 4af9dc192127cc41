// SPDX-License-Identifier: Apache-2.0
// Targets of known manners, and `llmd bench` run against them.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from 'node:child_process';

const kPieces = 4;

const chunk = (more) => `data: ${JSON.stringify({ object: 'text_completion', model: 'm', ...more })}\n\n`;

/** One streamed completion as vLLM writes it, cut off after `pieces` when that is less than all. */
export function stream(response, pieces = kPieces) {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (let i = 0; i < pieces; ++i) {
    response.write(chunk({ choices: [{ index: 0, text: 'word', finish_reason: i + 1 === kPieces ? 'length' : null }] }));
  }
  if (pieces < kPieces) return response.socket.end();
  response.write(chunk({ choices: [], usage: { prompt_tokens: 8, completion_tokens: kPieces, total_tokens: 12 } }));
  return response.end('data: [DONE]\n\n');
}

/** A server that counts bytes of text by fours; `answer(response, number, body)` has the rest. */
export class Target {
  static async start(answer) {
    const target = new Target();
    target.bodies = [];
    target.headers = [];
    target.server = createServer(async (request, response) => {
      let body = '';
      for await (const part of request) body += part;
      if (request.url === '/v1/models') return response.end(JSON.stringify({ object: 'list', data: [{ id: 'm' }] }));
      if (request.url === '/tokenize') return response.end(JSON.stringify({ tokens: words4(JSON.parse(body)) }));
      if (request.method !== 'POST') return response.writeHead(404).end();
      target.headers.push(request.headers);
      return answer(response, target.bodies.push(JSON.parse(body)) - 1, body);
    });
    target.server.listen(0, '127.0.0.1');
    await once(target.server, 'listening');
    target.url = `http://127.0.0.1:${target.server.address().port}`;
    return target;
  }

  async stop() {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

function words4({ prompt, messages }) {
  const bytes = Buffer.from(prompt ?? messages.map(({ content }) => content).join(''));
  const padded = Buffer.concat([bytes, Buffer.alloc((4 - bytes.length % 4) % 4)]);
  return Array.from({ length: padded.length / 4 }, (_, i) => padded.readUInt32LE(4 * i));
}

/**
 * Runs `llmd bench FLAGS…` to its end, or until `interrupt()` was waited for and a signal sent.
 * `descriptors` says how many files it may open.
 */
export async function run_bench(flags, { interrupt, descriptors } = {}) {
  const limit = descriptors ? `ulimit -n ${descriptors} && ` : '';
  const child = spawn('sh', ['-c', `${limit}exec "$0" "$@"`, process.env.LLMD_BIN, 'bench', ...flags],
    { stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  child.stdout.on('data', (data) => { out += data; });
  child.stderr.on('data', (data) => { err += data; });
  const closed = once(child, 'close');
  if (interrupt) {
    await interrupt();
    child.kill('SIGINT');
  }
  const [code, signal] = await closed;
  return { code: code ?? signal, out, err };
}

/** The same with `--out`, and what it left there. */
export async function bench(flags, options) {
  const folder = mkdtempSync(join(tmpdir(), 'llmd-bench-'));
  const ended = await run_bench([...flags, '--out', folder], options);
  const read = (name) => {
    try {
      return JSON.parse(readFileSync(join(folder, name), 'utf8'));
    } catch {
      return null;
    }
  };
  const result = { ...ended, summary: read('summary_lifecycle_metrics.json'),
    requests: read('per_request_lifecycle_metrics.json') };
  rmSync(folder, { recursive: true, force: true });
  return result;
}

/** How often each outcome came, from the file with every request. */
export function outcomes(requests) {
  const counts = {};
  for (const { llmd } of requests) counts[llmd.outcome] = (counts[llmd.outcome] ?? 0) + 1;
  return counts;
}
