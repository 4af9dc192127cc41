// SPDX-License-Identifier: Apache-2.0
// `llmd check` as its user sees it: what good files will do, and what is wrong with broken ones.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Place } from './cluster.mjs';

const kRoot = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const kColumns = 80;
const filesOf = (folder) => readdirSync(join(kRoot, folder))
  .filter((name) => name.endsWith('.yaml')).map((name) => join(kRoot, folder, name));

let place;
beforeEach(() => { place = new Place(); });
afterEach(() => place.remove());

for (const file of ['docs/examples', 'tests/configs', 'bench/routing/policies'].flatMap(filesOf)) {
  test(`${file.slice(kRoot.length + 1)} is good and its description fits a terminal`, async () => {
    const { code, out, err } = await place.run('check', file);
    assert.equal(code, 0, err);
    const [first, ...lines] = out.trimEnd().split('\n');
    assert.match(first, /^\S+:\d+: (ModelService|EndpointPickerConfig|Inference|\d+ endpoint)/);
    assert.equal(lines.length > 0, true);
    // A path may be longer than a terminal is wide.
    for (const line of lines) assert.equal(line.length <= kColumns || /\S{60}|^\S+:\d+: /.test(line), true, line);
  });
}

const kBroken = {
  'spec:1': ['apiVersion: llm-d.ai/v1alpha1\nkind: ModelService\nmetadata: {name: a}\nspec: {decod: {}, engine: {type: simulated}}\n',
    /^\S+:4:8: spec\.decod: there is no such key; did you mean decode\?$/m],
  'kind': ['apiVersion: llm-d.ai/v1\nkind: EndpointPickerConf\n',
    /^\S+:2:7: kind: there is no kind EndpointPickerConf; did you mean EndpointPickerConfig\?$/m],
  'parameter': ['apiVersion: llm-d.ai/v1\nkind: EndpointPickerConfig\nplugins: [{type: load-aware-scorer, parameters: {treshold: 1}}]\n',
    /^\S+:3:50: load-aware-scorer\.parameters\.treshold: there is no such key; did you mean threshold\?$/m],
  'weights': ['apiVersion: llm-d.ai/v1alpha2\nkind: InferenceModelRewrite\nmetadata: {name: a}\nspec:\n  poolRef: {name: p}\n' +
    '  rules: [{targets: [{modelRewrite: x, weight: 1}, {modelRewrite: y}]}]\n',
  /^\S+:6:\d+: spec\.rules\[0\]\.targets\[1\]\.weight: must be given for all targets of a rule or for none$/m],
  'endpoint': ['endpoints:\n- {name: a, address: 10.0.0.1, port: "0"}\n', /^\S+:2:\d+: endpoints\.port: must be from 1 to 65535$/m],
  'bench': ['load: {stages: [], typ: poisson}\n', /^\S+:1:\d+: load\.typ: there is no such key; did you mean type\?$/m],
  'yaml': ['a: [\n', /^\S+:\d+:\d+: /m],
};

test('errors of all files are told, each with its place and what would be right', async () => {
  const names = Object.keys(kBroken);
  const files = names.map((name, i) => place.file(`${i}.yaml`, kBroken[name][0]));
  const { code, out, err } = await place.run('check', ...files, join(kRoot, 'docs/examples/tiny.yaml'));
  assert.equal(code, 1);
  for (const name of names) assert.match(err, kBroken[name][1], name);
  assert.equal(err.trimEnd().split('\n').length, names.length, err);
  assert.match(out, /ModelService "tiny"/);
});
