// SPDX-License-Identifier: Apache-2.0
// Talks to build/…/tokenize_probe: JSON lines in, JSON lines out.
import { spawnSync } from "node:child_process";
import { join } from "node:path";

/** Answers all requests in order. */
export function ask(requests) {
  const program = join(process.env.LLMD_BUILD, "tokenize_probe");
  const input = requests.map((request) => JSON.stringify(request)).join("\n") + "\n";
  const run = spawnSync(program, { input, maxBuffer: 1 << 30, encoding: "utf8" });
  if (run.status !== 0) throw new Error(`tokenize_probe: ${run.error ?? run.signal ?? run.stderr}`);
  return run.stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

/** A seeded generator of numbers below a bound (xorshift). */
export function seeded(seed) {
  let state = seed >>> 0 || 1;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}
