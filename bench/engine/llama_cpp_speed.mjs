// SPDX-License-Identifier: Apache-2.0
// The llama.cpp side of bench/engine/compare.py: the same rounds as engine_speed, on the same weights.
//
//   llama_cpp_speed.mjs PEER_MJS GGUF THREADS SEQUENCES PROMPT_TOKENS DECODE_STEPS
//
// Drives the native batch directly and never samples, so that neither node-llama-cpp's queue nor its
// sampler counts against llama.cpp.
import readline from "node:readline";
import {pathToFileURL} from "node:url";

const [peer, gguf, ...numbers] = process.argv.slice(2);
const [threads, sequences, promptTokens, decodeSteps] = numbers.map(Number);
const {openContext} = await import(pathToFileURL(peer));
const perSequence = promptTokens / sequences;
const {context} = await openContext(gguf, {
  threads, sequences, kv: "F16", contextSize: Math.ceil((perSequence + decodeSteps + 1) / 256) * 256,
});
const native = context._ctx;
native.setThreads(threads);
const prompt = Uint32Array.from({length: perSequence}, (_, i) => (i * 7) % 251);

async function step(position, tokens) {
  native.initBatch(tokens.length * sequences);
  for (let s = 0; s < sequences; s++) native.addToBatch(s, position, tokens, Uint32Array.of(tokens.length - 1));
  await native.decodeBatch();
}

async function spend(work) {
  const cpu = process.cpuUsage();
  const start = process.hrtime.bigint();
  await work();
  const {user, system} = process.cpuUsage(cpu);
  return {wall: Number(process.hrtime.bigint() - start) / 1e9, cpu: (user + system) / 1e6};
}

async function round() {
  for (let s = 0; s < sequences; s++) native.disposeSequence(s);
  const prefill = await spend(() => step(0, prompt));
  const decode = await spend(async () => {
    for (let i = 0; i < decodeSteps; i++) await step(perSequence + i, prompt.subarray(0, 1));
  });
  const decoded = decodeSteps * sequences;
  return {prefill: promptTokens / prefill.wall, prefill_cpu: promptTokens / prefill.cpu,
          decode: decoded / decode.wall, decode_cpu: decoded / decode.cpu};
}

for await (const _ of readline.createInterface({input: process.stdin})) console.log(JSON.stringify(await round()));
process.exit(0);
