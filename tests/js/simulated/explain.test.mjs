// SPDX-License-Identifier: Apache-2.0
// `llmd explain` as its user sees it: two engines, one of them busy, and why a request goes to the
// other one.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { endless, kModel, startMany, until } from './simulated.mjs';

const kBody = JSON.stringify({ model: kModel, prompt: 'Tell me a long story.' });
let engines;
before(async () => { engines = await startMany(2, '--replicas', '2', '--max-num-seqs', '1', '--alpha-ms', '50'); });
after(async () => { assert.equal(await engines[0].stop(), 0); });

function explain(args, body = kBody) {
  return spawnSync(process.env.LLMD_BIN, ['explain', ...args, '-'], { input: body, encoding: 'utf8' });
}
const hostPort = (engine) => new URL(engine.url).host;

test('the engine with a queue loses, and the table says by how much', async () => {
  const busy = [endless(engines[0]), endless(engines[0])];
  await until('one request runs and one waits', async () =>
    /num_requests_waiting\S* 1(\.0)?$/m.test(await (await fetch(`${engines[0].url}/metrics`)).text()));
  const { stdout, stderr, status } = explain(engines.flatMap(({ url }) => ['--endpoint', url]));
  await Promise.all(busy.map((each) => each.cancel()));
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^ {2}A {2}\S+ x \S+$/m);
  const [total] = [...stdout.matchAll(new RegExp(`^ +${hostPort(engines[0])} .* ([\\d.]+)(?: +=*)?$`, 'gm'))]
    .map((match) => Number(match[1]));
  const winner = new RegExp(`^\\* +${hostPort(engines[1])} .* ([\\d.]+) +=+$`, 'm').exec(stdout);
  assert.ok(winner, stdout);
  assert.equal(Number(winner[1]) > total, true, stdout);
  assert.match(stdout, new RegExp(`^it goes to ${hostPort(engines[1])} at ${hostPort(engines[1])}$`, 'm'));
});

test('the engines are read by the names that the file has for their metrics', async () => {
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'llmd-explain-')), 'metric.yaml');
  fs.writeFileSync(file, `apiVersion: llm-d.ai/v1
kind: EndpointPickerConfig
plugins:
- {type: core-metrics-extractor, parameters: {engineConfigs: [{name: vllm, customMetrics: [
    {attributeKey: taken, metricSpec: "vllm:num_requests_running"}]}]}}
- {type: endpoint-attribute-filter, parameters: {attribute: taken, onMissing: Fail, algorithm: {
    type: threshold, threshold: {operator: GreaterThan, value: 0}}}}
schedulingProfiles: [{name: default, plugins: [{pluginRef: endpoint-attribute-filter}]}]
`);
  const busy = endless(engines[1]);
  await until('a request runs', async () =>
    /num_requests_running\S* 1(\.0)?$/m.test(await (await fetch(`${engines[1].url}/metrics`)).text()));
  const { stdout, stderr } = explain(['-f', file, ...engines.flatMap(({ url }) => ['--endpoint', url])]);
  await busy.cancel();
  fs.rmSync(path.dirname(file), { recursive: true });
  assert.match(stdout, new RegExp(`^it goes to ${hostPort(engines[1])} `, 'm'), stderr);
  assert.match(stdout, new RegExp(`^ {2}${hostPort(engines[0])}: dropped by endpoint-attribute-filter$`, 'm'));
});

test('headers count, an engine that is not there is named, bad bodies are errors', () => {
  const subset = ['--header', `x-gateway-destination-endpoint-subset: ${hostPort(engines[0])}`];
  const { stdout } = explain(['--endpoint', engines[0].url, '--endpoint', engines[1].url,
    '--endpoint', 'http://127.0.0.1:1', ...subset]);
  assert.match(stdout, new RegExp(`^it goes to ${hostPort(engines[0])} `, 'm'));
  assert.match(stdout, /^ {2}127\.0\.0\.1:1: not ready$/m);
  const bad = explain(['--endpoint', engines[0].url], '{"model": 1}');
  assert.equal(bad.status, 1);
  assert.match(bad.stderr, /^llmd: .*byte/);
  assert.equal(explain(['--endpoint', engines[0].url, '--header', 'x']).status, 1);
});
