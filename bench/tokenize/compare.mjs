// SPDX-License-Identifier: Apache-2.0
// compare.mjs MODELS TOKENIZE.json REQUEST.json: prints CPU times of our benchmarks' results and of
// @huggingface/tokenizers on a chat like theirs; fails when a goal is missed.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const kTurnShareMax = 0.05;
const kRuns = 3;

const [models, ...files] = process.argv.slice(2);
const require = createRequire(join(process.cwd(), 'tests/js/package.json'));
const { Tokenizer } = await import(require.resolve('@huggingface/tokenizers'));

/** The text of encode_chat in src/tokenize/tokenize_bench.cc. */
function chat() {
  const sentence = 'The gateway reads a request once, picks an engine for it, and relays what comes back; '
    + "in 2024 it didn't wait for anybody's locks.\n";
  return Array.from({ length: 200 }, (_, i) => `<|im_start|>user\n${`${i}${sentence}`.repeat(16)}<|im_end|>\n`).join('');
}

function peerSeconds(text) {
  const read = (name) => JSON.parse(readFileSync(join(models, name)));
  const peer = new Tokenizer(read('tokenizer.json'), read('tokenizer_config.json'));
  let best = Infinity;
  for (let run = 0; run < kRuns; ++run) {
    const before = process.cpuUsage();
    peer.encode(text, { add_special_tokens: false });
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1e6);
  }
  return best;
}

const seconds = {};
for (const file of files) {
  for (const { name, cpu_time: us, tokens } of JSON.parse(readFileSync(file)).benchmarks) {
    seconds[name] = us / 1e6;
    console.log(`${name.padEnd(24)} ${(us / 1e3).toFixed(3).padStart(9)} ms CPU, ${tokens} tokens`);
  }
}
const text = chat();
const peer = peerSeconds(text);
const share = seconds['encode_chat/next_turn'] / seconds['encode_chat/fresh'];
console.log(`@huggingface/tokenizers  ${(peer * 1e3).toFixed(3).padStart(9)} ms CPU`);
console.log(`fresh: ${(text.length / seconds['encode_chat/fresh'] / 1e6).toFixed(1)} MB/s, `
  + `${(peer / seconds['encode_chat/fresh']).toFixed(1)} times the peer's speed`);
console.log(`next turn: ${(100 * share).toFixed(2)} % of fresh (goal: at most ${100 * kTurnShareMax} %)`);
process.exitCode = share <= kTurnShareMax ? 0 : 1;
