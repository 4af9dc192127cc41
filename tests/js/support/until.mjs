// SPDX-License-Identifier: Apache-2.0
// Waiting for a condition instead of for a time.

const kConditionMs = 30_000;

/** Polls until `probe` gives something true; fails at a deadline that is there for hangs only. */
export async function until(what, probe) {
  const deadline = Date.now() + kConditionMs;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`never came true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
