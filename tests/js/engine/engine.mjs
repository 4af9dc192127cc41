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
    const engine = new Engine();
    const args = ['engine', '--model', process.env.LLMD_MODEL, '--port', '0', ...flags];
    engine.child = spawn(process.env.LLMD_BIN, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    engine.exited = once(engine.child, 'exit').then(([code, signal]) => code ?? signal);
    engine.log = '';
    engine.child.stderr.on('data', (data) => { engine.log += data; });
    engine.url = await engine.#ready();
    return engine;
  }

  async #ready() {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), kReadyMs);
    const lines = createInterface({ input: this.child.stdout });
    const line = await Promise.race([once(lines, 'line').then(([text]) => text), this.exited]);
    clearTimeout(timer);
    const match = /^llmd ready engine (http:\/\/127\.0\.0\.1:\d+)$/.exec(line);
    if (!match) throw new Error(`not ready: ${line}\n${this.log}`);
    return match[1];
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
