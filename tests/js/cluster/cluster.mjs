// SPDX-License-Identifier: Apache-2.0
// Starting `llmd up` for a test, and looking at it from outside.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import OpenAI from 'openai';
import { until } from '../support/until.mjs';

export { until };

const kReadyMs = 60_000;

export const kModel = 'tiny-test';

/** Whether a process runs; a zombie does not. */
export function isAlive(pid) {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** A ModelService of `replicas` built-in engines with the random test model. */
export function llmdService({ replicas = 2, args = [] } = {}) {
  return `apiVersion: llm-d.ai/v1alpha1
kind: ModelService
metadata: {name: tiny}
spec:
  modelArtifacts: {uri: "file://${process.env.LLMD_MODEL}"}
  routing: {modelName: ${kModel}}
  engine: {type: llmd, args: ${JSON.stringify(args)}}
  decode: {replicas: ${replicas}, resources: {cpu: 1}}
`;
}

/** A ModelService of a user's own program. */
export function commandService({ replicas = 1, command }) {
  return `apiVersion: llm-d.ai/v1alpha1
kind: ModelService
metadata: {name: fake}
spec:
  routing: {modelName: ${kModel}}
  engine: {type: command, command: ${JSON.stringify(command)}}
  decode: {replicas: ${replicas}}
`;
}

/** A folder for state and files of one test, and the commands run in it. */
export class Place {
  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), 'llmd-test-'));
    this.children = [];
  }

  file(name, content) {
    const path = join(this.folder, name);
    writeFileSync(path, content);
    return path;
  }

  spawn(...args) {
    const env = { ...process.env, XDG_RUNTIME_DIR: this.folder };
    const child = spawn(process.env.LLMD_BIN, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.out = '';
    child.err = '';
    child.stdout.on('data', (data) => { child.out += data; });
    child.stderr.on('data', (data) => { child.err += data; });
    child.ended = once(child, 'close').then(([code, signal]) => code ?? signal);
    this.children.push(child);
    return child;
  }

  /** Runs a command to its end. */
  async run(...args) {
    const child = this.spawn(...args);
    return { code: await child.ended, out: child.out, err: child.err };
  }

  /** Starts a cluster in the foreground and waits for its ready line. */
  async up(service, ...flags) {
    const cluster = new Cluster(this);
    const file = this.file('service.yaml', service);
    cluster.child = this.spawn('up', '-f', file, '--port', '0', ...flags);
    const timer = setTimeout(() => cluster.child.kill('SIGKILL'), kReadyMs);
    let ended = false;
    cluster.child.ended.then(() => { ended = true; });
    const match = await until('the ready line', () =>
      ended ? ['', ''] : /^llmd ready up (http:\S+)$/m.exec(cluster.child.out));
    clearTimeout(timer);
    if (!match[1]) throw new Error(`did not start: ${cluster.child.err}`);
    cluster.url = match[1];
    return cluster;
  }

  /** Ends whatever a failed test left behind. */
  async remove() {
    for (const child of this.children) {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
      await child.ended;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export class Cluster {
  constructor(place) {
    this.place = place;
  }

  client() {
    return new OpenAI({ baseURL: `${this.url}/v1`, apiKey: 'none', maxRetries: 0 });
  }

  async status(name = 'default') {
    const { code, out, err } = await this.place.run('status', '--name', name, '-o', 'json');
    if (code !== 0) throw new Error(err);
    return JSON.parse(out);
  }

  async replica(name) {
    return (await this.status()).replicas.find((replica) => replica.name === name);
  }

  async engines() {
    return (await this.status()).replicas.filter((replica) => replica.role === 'decode');
  }

  async stop(signal = 'SIGTERM') {
    this.child.kill(signal);
    return this.child.ended;
  }
}
