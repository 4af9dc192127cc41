// SPDX-License-Identifier: Apache-2.0
// Starting `llmd engine --simulated` for a test: fast hardware, unless a test says otherwise.
import { Engine, until } from '../engine/engine.mjs';

export { until };

export const kModel = 'sim';

const kFast = ['--beta-ms', '0.001', '--gamma-ms', '0'];

/** One process of several simulated engines. Stop it by stopping any of them. */
export function startMany(count, ...flags) {
  return Engine.launch('simulated-engine', count,
    ['--simulated', '--served-model-name', kModel, '--port', '0', ...kFast,
      ...(flags.includes('--alpha-ms') ? [] : ['--alpha-ms', '1']), ...flags]);
}

export async function start(...flags) {
  return (await startMany(1, ...flags))[0];
}

/** Runs `use` with an engine that ends well afterwards. */
export async function withEngine(flags, use) {
  const engine = await start(...flags);
  try {
    await use(engine);
  } finally {
    if (await engine.stop() !== 0) throw new Error(engine.log);
  }
}

export function complete(engine, more = {}) {
  return engine.post('/v1/completions', { prompt: 'abcdefgh', max_tokens: 4, ...more });
}

/** A completion that keeps running until the test ends it. */
export function endless(engine, more = {}) {
  const controller = new AbortController();
  const ended = fetch(`${engine.url}/v1/completions`, {
    method: 'POST',
    body: JSON.stringify({ prompt: 'x', max_tokens: 100000, ...more }),
    signal: controller.signal,
  }).catch(() => {});
  return { cancel: () => { controller.abort(); return ended; } };
}
