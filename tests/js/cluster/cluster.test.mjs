// SPDX-License-Identifier: Apache-2.0
// A cluster as its user sees it: started, asked, looked at, stopped.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { commandService, isAlive, kModel, llmdService, Place, until } from './cluster.mjs';

const kFakeEngine = join(dirname(fileURLToPath(import.meta.url)), 'fake_engine.mjs');
const kTurn = { role: 'user', content: 'Tell me a long story about a fox, a dog and a waltz. '.repeat(8) };

let place;
beforeEach(() => { place = new Place(); });
afterEach(() => place.remove());

test('up serves two engines to the official client and ends cleanly', async () => {
  const cluster = await place.up(llmdService());
  const client = cluster.client();
  const models = await client.models.list();
  assert.deepEqual(models.data.map((model) => model.id), [kModel]);
  const answer = await client.chat.completions.create(
    { model: kModel, messages: [kTurn], max_tokens: 8 });
  assert.equal(answer.usage.completion_tokens > 0, true);
  assert.match(cluster.child.out, /curl http/);
  const { replicas } = await cluster.status();
  assert.deepEqual(replicas.map((replica) => replica.state), ['ready', 'ready', 'ready']);
  assert.equal(await cluster.stop('SIGINT'), 0);
  for (const replica of replicas) assert.equal(isAlive(replica.pid), false, replica.name);
});

test('the second turn of a conversation finds the first one in the cache', async () => {
  const client = (await place.up(llmdService())).client();
  for (let round = 0; round < 4; ++round) {
    const first = { role: 'user', content: `${round}: ${kTurn.content}` };
    const ask = (messages) => client.chat.completions.create(
      { model: kModel, messages, max_tokens: 4, temperature: 0 });
    const one = await ask([first]);
    const two = await ask([first, one.choices[0].message, { role: 'user', content: 'And then?' }]);
    assert.equal(two.usage.prompt_tokens_details.cached_tokens > 0, true, `round ${round}`);
  }
});

test('status prints a table that fits a terminal', async () => {
  await place.up(llmdService({ replicas: 1 }));
  const { out } = await place.run('status');
  const lines = out.split('\n');
  assert.match(lines[2], /^ROLE +NAME +PID +STATE +URL +RESTARTS +AGE +RUN +WAIT +KV$/);
  assert.match(lines[4], /^decode +tiny-0 +\d+ +ready +http:\S+ +0 +\w+ +0 +0 +0%$/);
  for (const line of lines) assert.equal(line.length <= 100, true, line);
});

test('--detach returns when the cluster is ready, down ends it', async () => {
  const file = place.file('service.yaml', llmdService({ replicas: 1 }));
  const up = await place.run('up', '-f', file, '--port', '0', '--detach', '--name', 'other');
  assert.equal(up.code, 0, up.err);
  const url = /^llmd ready up (http:\S+)$/m.exec(up.out)[1];
  assert.equal((await fetch(`${url}/ready`)).status, 200);
  const { pid, replicas } = JSON.parse((await place.run('status', '--name', 'other', '-o', 'json')).out);
  const second = await place.run('up', '-f', file, '--port', '0', '--name', 'other');
  assert.equal(second.code, 1);
  assert.match(second.err, /a cluster named "other" runs already/);
  assert.equal((await place.run('down', '--name', 'other')).code, 0);
  for (const each of [pid, ...replicas.map((replica) => replica.pid)]) {
    assert.equal(isAlive(each), false);
  }
  assert.equal((await place.run('down', '--name', 'other')).code, 1);
  assert.equal((await place.run('status', '--name', 'other')).code, 1);
});

test("a user's own command is an engine too", async () => {
  const cluster = await place.up(commandService(
    { command: [process.execPath, kFakeEngine, '{port}', kModel] }));
  const stream = await cluster.client().chat.completions.create(
    { model: kModel, messages: [kTurn], stream: true });
  let words = 0;
  for await (const chunk of stream) words += chunk.choices[0]?.delta?.content ? 1 : 0;
  assert.equal(words, 20);
});

test('an engine that does not start ends the start with its log', async () => {
  const file = place.file('service.yaml',
    commandService({ command: ['/bin/sh', '-c', 'echo the reason is this >&2; exit 3'] }));
  const up = await place.run('up', '-f', file, '--port', '0');
  assert.equal(up.code, 1);
  assert.match(up.err, /fake-0 does not start: it exited with status 3/);
  assert.match(up.err, /the reason is this/);
  const missing = place.file('service.yaml', commandService({ command: ['no-such-program'] }));
  assert.match((await place.run('up', '-f', missing, '--port', '0', '--detach')).err,
    /cannot run no-such-program: No such file or directory/);
});

test('the gateway reads the files given to up, and follows them', async () => {
  const alias = (name) => place.file('alias.yaml', `apiVersion: llm-d.ai/v1alpha2
kind: InferenceModelRewrite
metadata: {name: alias}
spec:
  poolRef: {name: tiny}
  rules: [{matches: [{model: {value: ${name}}}], targets: [{modelRewrite: ${kModel}}]}]
`);
  const cluster = await place.up(llmdService({ replicas: 1 }), '-f', alias('first'));
  const names = async () => (await cluster.client().models.list()).data.map((model) => model.id);
  assert.deepEqual(await names(), ['first', kModel]);
  alias('second');
  await until('the new name is served', async () => (await names()).includes('second'));
  const answer = await cluster.client().chat.completions.create(
    { model: 'second', messages: [kTurn], max_tokens: 2 });
  assert.equal(answer.model, 'second');
});

test('mistakes on the command line and in files are explained', async () => {
  assert.match((await place.run('upp')).err, /there is no upp; did you mean up\?/);
  assert.match((await place.run('up', '--prot', '1')).err, /did you mean --port\?/);
  const file = place.file('service.yaml', llmdService().replace('replicas', 'replcias'));
  assert.match((await place.run('up', '-f', file)).err,
    /service\.yaml:8:12: spec\.decode\.replcias: there is no such key; did you mean replicas\?/);
  const lost = place.file('service.yaml', llmdService().replace('file:///', 'file:///nowhere/'));
  assert.match((await place.run('up', '-f', lost)).err, /there is no model directory \/nowhere/);
  const scheduling = place.file('scheduling.yaml', `apiVersion: llm-d.ai/v1
kind: EndpointPickerConfig
plugins: [{type: queue-scorer, parameters: {weight: 1}}]
`);
  assert.match((await place.run('up', '-f', scheduling)).err, /scheduling\.yaml:3:\d+: .*weight: there is no such key/);
  assert.match((await place.run('--version')).out, /^llmd \d+\.\d+\.\d+$/m);
});

test('state lies in a private folder, endpoints in upstream\'s form', async () => {
  await place.up(llmdService({ replicas: 1 }));
  const folder = join(place.folder, 'llmd', 'default');
  assert.match(readFileSync(join(folder, 'endpoints.yaml'), 'utf8'),
    /^endpoints:\n- name: "tiny-0"\n {2}namespace: "default"\n {2}address: "127\.0\.0\.1"\n {2}port: "\d+"\n/);
  assert.equal(existsSync(join(folder, 'tiny-0.log')), true);
});
