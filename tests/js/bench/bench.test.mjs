// SPDX-License-Identifier: Apache-2.0
// `llmd bench` against servers that behave, stall, break off, refuse, or are not there.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Engine, until } from '../engine/engine.mjs';
import { bench, outcomes, run_bench, stream, Target } from './bench.mjs';

const folder = mkdtempSync(join(tmpdir(), 'llmd-bench-test-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = (name, text) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

let target;
afterEach(async () => { await target?.stop(); target = undefined; });

const short = ['--input-tokens', '8', '--output-tokens', '4', '--per-request'];

test('every request is sent, answered and measured', async () => {
  target = await Target.start((response) => stream(response));
  const run = await bench(['--url', target.url, '--rate', '50', '--requests', '25', '--duration', '60', ...short]);
  assert.equal(run.code, 0, run.err);
  assert.equal(target.bodies.length, 25);
  assert.deepEqual(outcomes(run.requests), { ok: 25 });
  for (const { prompt, max_tokens, stream: streamed } of target.bodies) {
    assert.deepEqual([prompt.length, max_tokens, streamed], [32, 4, true]);
  }
  for (const { computed_metrics: figures, info } of run.requests) {
    assert.equal(figures.output_tokens, 4);
    assert.equal(info.response_metrics.output_token_times.length, 4);
    assert.ok(figures.time_to_first_token <= figures.request_latency);
  }
  assert.equal(run.summary.successes.count, 25);
});

test('a server that answers nothing is no reason to send later: timeouts are counted', async () => {
  target = await Target.start(() => {});
  const run = await bench(['--url', target.url, '--rate', '40', '--requests', '20', '--duration', '60',
    '--request-timeout', '1.5', ...short]);
  assert.equal(run.code, 0, run.err);
  assert.equal(target.bodies.length, 20);
  assert.deepEqual(outcomes(run.requests), { timeout: 20 });
});

test('a stream that stalls in the middle ends by the stall timeout', async () => {
  target = await Target.start((response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: {"choices":[{"index":0,"text":"a","finish_reason":null}]}\n\n');
  });
  const run = await bench(['--url', target.url, '--concurrency', '3', '--requests', '6', '--stall-timeout', '0.3', ...short]);
  assert.deepEqual(outcomes(run.requests), { timeout: 6 });
});

test('errors are told apart: refused, broken off, not the protocol', async () => {
  target = await Target.start((response, number) => {
    if (number % 4 === 0) return stream(response);
    if (number % 4 === 1) return response.writeHead(429, { 'content-type': 'application/json' }).end('{"error":{"message":"full"}}');
    if (number % 4 === 2) return stream(response, 2);
    return response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: no json\n\ndata: [DONE]\n\n');
  });
  const run = await bench(['--url', target.url, '--concurrency', '1', '--requests', '12', ...short]);
  assert.equal(run.code, 0, run.err);
  assert.deepEqual(outcomes(run.requests), { ok: 3, status: 3, broken: 3, protocol: 3 });
  assert.match(run.out, /429/);
});

test('more requests at once than file descriptors are refused, or said to have failed for that', async () => {
  target = await Target.start(() => {});
  const refused = await bench(['--url', target.url, '--concurrency', '200', '--requests', '200', ...short], { descriptors: 128 });
  assert.equal(refused.code, 1);
  assert.match(refused.err, /200 requests at once.*128.*ulimit/s);
  const run = await bench(['--url', target.url, '--rate', '2000', '--requests', '200', '--duration', '60',
    '--request-timeout', '4', ...short], { descriptors: 128 });
  assert.equal(run.code, 0, run.err);
  const { connect, timeout, ...others } = outcomes(run.requests);
  assert.deepEqual(others, {});
  assert.ok(connect >= 72 && connect + timeout === 200, `${connect} + ${timeout}`);
  assert.match(run.out, /Too many open files/);
});

test('a target that is down is an error before the run', async () => {
  target = await Target.start(() => {});
  const { url } = target;
  await target.stop();
  target = undefined;
  const run = await bench(['--url', url, '--rate', '5', '--duration', '1', ...short]);
  assert.equal(run.code, 1);
  assert.match(run.err, new RegExp(url.slice('http://'.length)));
});

test('Ctrl-C keeps what was measured, marked partial', async () => {
  target = await Target.start((response, number) => (number < 5 ? stream(response) : undefined));
  const run = await bench(['--url', target.url, '--rate', '50', '--duration', '600', ...short],
    { interrupt: () => until('ten requests came', () => target.bodies.length >= 10) });
  assert.equal(run.code, 0, run.err);
  assert.match(run.out, /PARTIAL/i);
  const counts = outcomes(run.requests);
  assert.equal(counts.ok, 5);
  assert.ok(counts.unfinished >= 5);
});

test('a configuration with an unknown key is refused with its line and the nearest key', async () => {
  const config = file('config.yml', 'api:\n  type: completion\n  streeming: true\n');
  const run = await bench(['-c', config, '--url', 'http://127.0.0.1:1']);
  assert.equal(run.code, 1);
  assert.match(run.err, /config\.yml:3.*streeming.*streaming/s);
});

test('a broken line of a trace is refused by file and line, or skipped and counted when asked', async () => {
  target = await Target.start((response) => stream(response));
  const trace = file('trace.csv', 'TIMESTAMP,ContextTokens,GeneratedTokens\n' +
    '2023-11-16 18:17:03.9799600,8,4\nnot a line\n2023-11-16 18:17:04.0319600,8,4\n');
  const refused = await bench(['--url', target.url, '--trace', trace]);
  assert.equal(refused.code, 1);
  assert.match(refused.err, /trace\.csv:3/);
  const skipped = await bench(['--url', target.url, '--trace', trace, '--skip-broken-lines', '--per-request']);
  assert.equal(skipped.code, 0, skipped.err);
  assert.deepEqual(outcomes(skipped.requests), { ok: 2 });
  assert.match(skipped.out, /1 broken line/);
});

test('prompts have exactly as many tokens as were asked for, by a real tokenizer and chat template', async () => {
  const model = fileURLToPath(new URL('../../../models/llmd-tiny', import.meta.url));
  const [engine] = await Engine.launch('engine', 1, ['--model', model, '--port', '0']);
  try {
    for (const api of ['completion', 'chat']) {
      const run = await bench(['--url', engine.url, '--api', api, '--concurrency', '2', '--requests', '4',
        '--input-tokens', '64', '--output-tokens', '3', '--per-request', '--tokenizer', model]);
      assert.equal(run.code, 0, run.err);
      assert.deepEqual(run.requests.map(({ info }) => info.response_metrics.server_usage.prompt_tokens), [64, 64, 64, 64]);
      assert.deepEqual(run.requests.map(({ computed_metrics: { output_tokens } }) => output_tokens), [3, 3, 3, 3]);
    }
  } finally {
    await engine.stop();
  }
});

test('the next turn of a session carries the earlier ones and their answers, in order', async () => {
  target = await Target.start((response) => stream(response));
  const run = await bench(['--url', target.url, '--concurrency', '4', '--requests', '6', '--shared-prefix', '1x2',
    '--multi-turn', '--system-tokens', '8', ...short]);
  assert.equal(run.code, 0, run.err);
  const turns = target.bodies.map(({ prompt }) => prompt).sort((a, b) => a.length - b.length);
  assert.deepEqual(turns.map((prompt) => prompt.length), [64, 64, 112, 112, 160, 160]);
  for (const later of turns.slice(2)) {
    assert.ok(turns.some((earlier) => earlier.length < later.length && later.startsWith(`${earlier}${'word'.repeat(4)}`)));
  }
});

test('the same seed in virtual time gives the same figures; a policy that is none is refused', async () => {
  const flags = ['--virtual', '--rate', '5', '--duration', '10', '--shared-prefix', '4x5', '--system-tokens', '500', '--seed', '3', ...short];
  const [one, two] = [await bench(flags), await bench(flags)];
  assert.equal(one.code, 0, one.err);
  assert.deepEqual(one.requests, two.requests);
  assert.match(one.out, /VIRTUAL TIME/);
  const wrong = await bench([...flags, '--policy', 'gatway']);
  assert.equal(wrong.code, 1);
  assert.match(wrong.err, /gateway/);
});

test('a time scale that the tool cannot keep is refused, and what came of it is written and marked', async () => {
  target = await Target.start((response) => stream(response));
  const run = await bench(['--url', target.url, '--rate', '1000', '--requests', '5000', '--duration', '60',
    '--time-scale', '10000', ...short]);
  assert.equal(run.code, 1);
  assert.match(run.err, /lower the scale or the rate, or use --virtual/);
  assert.match(run.out, /TOO FAST: at --time-scale 10000/);
  assert.ok(run.summary.load_summary.count >= 50);
});

test('an interrupted comparison shows the repeats that were whole', async () => {
  target = await Target.start((response, number) => (number < 10 ? stream(response) : undefined));
  const flags = ['compare', target.url, target.url, '--repeats', '9', '--concurrency', '1', '--requests', '2',
    '--input-tokens', '8', '--output-tokens', '4'];
  const run = await run_bench(flags, { interrupt: () => until('two repeats were over', () => target.bodies.length > 10) });
  assert.equal(run.code, 0, run.err);
  assert.match(run.out, /2 repeats of the same seeds/);
  assert.match(run.out, /PARTIAL: interrupted after 2 of 9 repeats/);
  await target.stop();
  target = await Target.start(() => {});
  const none = await run_bench(['compare', target.url, ...flags.slice(2).with(0, target.url)],
    { interrupt: () => until('it began', () => target.bodies.length > 0) });
  assert.equal(none.code, 1);
  assert.match(none.err, /nothing to compare/);
});

test('tenants, objectives and promises go out as headers, and figures come back per tenant', async () => {
  target = await Target.start((response) => stream(response));
  const run = await bench(['--url', target.url, '--concurrency', '2', '--requests', '40', '--tenant', 'gold=3@interactive',
    '--tenant', 'free', '--slo', 'ttft=2,tpot=0.05', '--slo-headers', '--header', 'x-trace: yes', ...short]);
  assert.equal(run.code, 0, run.err);
  const seen = new Set(target.headers.map((headers) =>
    `${headers['x-llm-d-inference-fairness-id']}@${headers['x-llm-d-inference-objective']}`));
  assert.deepEqual([...seen].sort(), ['free@undefined', 'gold@interactive']);
  for (const headers of target.headers) {
    assert.deepEqual([headers['x-llm-d-slo-ttft-ms'], headers['x-llm-d-slo-tpot-ms'], headers['x-trace']], ['2000', '50', 'yes']);
  }
  const sent = (tenant) => target.headers.filter((headers) => headers['x-llm-d-inference-fairness-id'] === tenant).length;
  assert.deepEqual(run.summary.llmd.tenants.map(({ name, requests }) => [name, requests]),
    [['gold', sent('gold')], ['free', sent('free')]]);
  for (const tenant of ['gold', 'free']) {
    assert.equal(run.requests.filter(({ llmd }) => llmd.tenant === tenant).length, sent(tenant));
  }
});

test('keys without an effect are told in one line, once', async () => {
  target = await Target.start((response) => stream(response));
  const config = file('workers.yml', `load: {type: concurrent, num_workers: 8, stages: [{concurrency_level: 1, num_requests: 2}]}
storage: {local_storage: {report_file_prefix: x-}}\n`);
  const run = await run_bench(['-c', config, '--url', target.url]);
  assert.equal(run.code, 0, run.err);
  const told = run.err.split('\n').filter((line) => line.includes('without effect here'));
  assert.equal(told.length, 1, run.err);
  assert.match(told[0], /load\.num_workers \(there are no workers.*report_file_prefix \(no folder is named/);
});
