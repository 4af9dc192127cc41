// SPDX-License-Identifier: Apache-2.0
// Every command in the documents works: each line of a ```sh fence is run here, on other ports and
// under another state folder, or, where it is a build or a benchmark, is checked to exist. A command
// that no rule below knows fails the test.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Place, until } from '../cluster/cluster.mjs';

const kRoot = join(dirname(fileURLToPath(import.meta.url)), '../../..');
const kDocuments = ['README.md', 'ARCHITECTURE.md',
  ...['docs', 'docs/guides'].flatMap((folder) => readdirSync(join(kRoot, folder))
    .filter((name) => name.endsWith('.md')).map((name) => `${folder}/${name}`))];

function commandsOf(path) {
  const text = readFileSync(join(kRoot, path), 'utf8');
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```/gm)]
    .flatMap(([, block]) => block.replaceAll('\\\n', ' ').split('\n'))
    .map((line) => line.replace(/\s#\s.*$/, '').trim())
    .filter((line) => line && !line.startsWith('#'));
}

const place = new Place();
after(() => place.remove());
process.chdir(kRoot);

/** The port that a command in the documents names, and the one that the test uses instead. */
const ports = new Map();
const onTestPorts = (line) =>
  line.replace(/127\.0\.0\.1:(\d+)/g, (whole, port) => `127.0.0.1:${ports.get(port) ?? port}`);

/** Starts a command that stays in the foreground, and remembers where it listens. */
async function serve(role, args) {
  const documented = args[args.indexOf('--port') + 1];
  const child = place.spawn(...args.map((word) => (word === documented ? '0' : word)));
  const ready = new RegExp(`^llmd ready (?:simulated-)?${role} http://127.0.0.1:(\\d+)$`, 'm');
  const [, port] = await until(`${args.join(' ')} is ready`, () => ready.exec(child.out) ?? child.exitCode);
  assert.ok(port, child.err);
  ports.set(documented, port);
  await until(`port ${port} serves`, async () =>
    (await fetch(`http://127.0.0.1:${port}/${role === 'engine' ? 'health' : 'ready'}`)).status === 200);
}

async function runLlmd(line) {
  const args = onTestPorts(line).split(/\s+/).slice(1);
  if (args[0] === 'engine' || args[0] === 'gateway') return serve(args[0], args);
  const port = args.indexOf('--port');
  if (port > 0) args[port + 1] = '0';
  const { code, err } = await place.run(...args);
  assert.equal(code, 0, err);
}

function runCurl(line) {
  const reply = JSON.parse(execFileSync('sh', ['-c', onTestPorts(line)], { encoding: 'utf8' }));
  assert.ok(reply.choices[0].message, JSON.stringify(reply));
}

/** Rules: what a command looks like → how this test proves it. */
const kRules = [
  [/^make( \w+)?$/, (line) => execFileSync('make', ['-n', ...line.split(' ').slice(1)], { stdio: 'pipe' })],
  [/^build\/release\/llmd /, runLlmd],
  [/^curl /, runCurl],
  [/^(bench|tests|tools)\/\S+/, (line) => assert.ok(statSync(line.split(' ')[0]).mode & 0o111)],
];

test('the commands in the documents work', async (t) => {
  ports.set('8080', new URL((await place.up(readFileSync('docs/examples/tiny.yaml', 'utf8'))).url).port);
  for (const document of kDocuments) {
    for (const line of commandsOf(document)) {
      const rule = kRules.find(([pattern]) => pattern.test(line));
      await t.test(`${document}: ${line.slice(0, 70)}`, () => {
        assert.ok(rule, 'no rule says how to test this command');
        return rule[1](line);
      });
    }
  }
});
