// SPDX-License-Identifier: Apache-2.0
// llama.cpp through npm's prebuilt node-llama-cpp: CPU only, never compiled or downloaded here.
import {getLlama} from "node-llama-cpp";

/** A context with its own threads; keys and values as f32 unless told otherwise. */
export async function openContext(gguf, {threads = 1, sequences = 1, contextSize = 2048, kv = "F32"} = {}) {
  const llama = await getLlama({
    gpu: false, build: "never", skipDownload: true, logLevel: "error", maxThreads: threads, progressLogs: false,
  });
  const model = await llama.loadModel({modelPath: gguf, gpuLayers: 0});
  const context = await model.createContext({
    contextSize, sequences, threads: {ideal: threads, min: threads}, batchSize: 512, flashAttention: false,
    experimentalKvCacheKeyType: kv, experimentalKvCacheValueType: kv,
  });
  return {llama, model, context};
}

const GREEDY = {generateNext: {token: true, logits: {filter: {includeTop: 2}}, options: {temperature: 0}}};

/** After each token: llama.cpp's greedy choice and the distance of its logit to the next best. */
export async function evaluate(sequence, tokens) {
  const answers = await sequence.controlledEvaluate(tokens.map((token) => [token, GREEDY]));
  return answers.map(({next}) => {
    const [[best, high], [, low]] = [...next.logits].sort((a, b) => b[1] - a[1]);
    return {choice: best, margin: high - low};
  });
}
