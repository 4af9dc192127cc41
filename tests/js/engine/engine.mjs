// SPDX-License-Identifier: Apache-2.0
// Starting `llmd engine` for a test, and looking at it from outside.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import OpenAI from 'openai';
import { until } from '../support/until.mjs';

export { until };

const kReadyMs = 60_000;

/** A running engine. Stop it with `await engine.stop()`, which gives its exit code. */
export class Engine {
  static async start(...flags) {
    return (await Engine.launch('engine', 1, ['--model', process.env.LLMD_MODEL, '--port', '0', ...flags]))[0];
  }

  /** A process of `count` engines, each of which says in its ready line that it is a `role`. */
  static async launch(role, count, flags) {
    const child = spawn(process.env.LLMD_BIN, ['engine', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
    const exited = once(child, 'exit').then(([code, signal]) => code ?? signal);
    const log = [];
    child.stderr.on('data', (data) => log.push(data));
    const out = [];
    const urls = await Engine.#ready(child, exited, role, count, out, log);
    return urls.map((url) => Object.assign(new Engine(), { child, exited, url, out, chunks: log }));
  }

  /** Also goes on to gather the lines of stdout in `lines`. */
  static async #ready(child, exited, role, count, lines, log) {
    const timer = setTimeout(() => child.kill('SIGKILL'), kReadyMs);
    const reader = createInterface({ input: child.stdout });
    const enough = new Promise((resolve) => {
      reader.on('line', (line) => { if (lines.push(line) === count) resolve(); });
    });
    await Promise.race([enough, exited]);
    clearTimeout(timer);
    return Array.from({ length: count }, (_, i) => {
      const match = new RegExp(`^llmd ready ${role} (http://127\\.0\\.0\\.\\d+:\\d+)$`).exec(lines[i]);
      if (!match) throw new Error(`not ready: ${lines[i]}\n${log.join('')}`);
      return match[1];
    });
  }

  /** What the process wrote on stderr so far. */
  get log() {
    return this.chunks.join('');
  }

  client(apiKey = 'none') {
    return new OpenAI({ baseURL: `${this.url}/v1`, apiKey, maxRetries: 0 });
  }

  async post(path, body, headers = {}) {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(this.url + path, { method: 'POST', body: text, headers });
    return { status: response.status, body: await response.json() };
  }

  async get(path) {
    const response = await fetch(this.url + path);
    return { status: response.status, body: await response.json() };
  }

  /** Greedy token ids of a completion. */
  async tokens(prompt, max_tokens, more = {}) {
    const { status, body } = await this.post('/v1/completions',
      { prompt, max_tokens, temperature: 0, ignore_eos: true, return_token_ids: true, ...more });
    if (status !== 200) throw new Error(JSON.stringify(body));
    return body.choices[0].token_ids;
  }

  /** Every sample of /metrics: name → [{labels, value}]. Throws on a line that is none. */
  async metrics() {
    const samples = new Map();
    const page = await (await fetch(`${this.url}/metrics`)).text();
    for (const line of page.split('\n').filter((text) => text && !text.startsWith('#'))) {
      const match = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
      if (!match || Number.isNaN(Number(match[3].replace('+Inf', 'Infinity')))) {
        throw new Error(`no sample: ${line}`);
      }
      const labels = Object.fromEntries([...(match[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)]
        .map(([, name, value]) => [name, value]));
      if (!samples.has(match[1])) samples.set(match[1], []);
      samples.get(match[1]).push({ labels, value: Number(match[3].replace('+Inf', 'Infinity')) });
    }
    return samples;
  }

  async metric(name) {
    return (await this.metrics()).get(name)[0].value;
  }

  /** Waits until nothing runs and every block is free. */
  async idle() {
    await until('the engine is idle', async () => {
      const samples = await this.metrics();
      return ['vllm:num_requests_running', 'vllm:num_requests_waiting', 'vllm:kv_cache_usage_perc']
        .every((name) => samples.get(name)[0].value === 0);
    });
  }

  async stop(signal = 'SIGTERM') {
    this.child.kill(signal);
    return this.exited;
  }
}

/** An array of n token ids that depend on `seed`. */
export function promptIds(n, seed = 0) {
  return Array.from({ length: n }, (_, i) => 10 + ((i * 7 + seed * 31 + (i >> 3)) % 200));
}
