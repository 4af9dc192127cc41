// SPDX-License-Identifier: Apache-2.0
// The page of a run as a browser sees it.
import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { open_page, write_reports } from "./browser.mjs";

const count = (text, pattern) => [...text.matchAll(pattern)].length;

describe("the page of a run", () => {
  let reports;
  let page;
  before(async () => {
    reports = await write_reports(1500);
    page = await open_page(join(reports.folder, "report.html"));
  });
  after(() => reports.remove());

  test("draws every plot", () => {
    assert.match(page.dom, /<html[^>]* data-plots="11"/);
    assert.equal(count(page.dom, /<figure class="plot">/g), 11);
    const titles = ["Time to first token", "Time per output token", "Whole request", "Goodput, requests/s",
      "Requests within the SLO", "Requests per second", "Output tokens per second", "Open requests",
      "Requests running and waiting", "Prompt tokens found in the prefix cache"];
    for (const title of titles) assert.ok(page.dom.includes(`aria-label="${title}"`), title);
    assert.ok(count(page.dom, /class="heat"/g) > 100);
    assert.match(page.dom, /\d at once<\/text>/);  // what the strongest tint stands for
  });

  test("every curve has points and every number is one", () => {
    const curves = [...page.dom.matchAll(/<path d="([^"]*)"/g)].map((match) => match[1]);
    assert.ok(curves.length >= 20);
    for (const curve of curves) assert.match(curve, /^M[\d.]+,[\d.]+[LH]/);
    assert.doesNotMatch(page.dom.split("<main>")[1].split("</main>")[0], /NaN|Infinity|undefined|\[object/);
  });

  test("asks for nothing and complains of nothing", () => {
    assert.deepEqual(page.requests, ["/report.html"]);
    assert.deepEqual(page.console, []);
  });

  test("says what the result files say", async () => {
    const file = join(reports.folder, "summary_lifecycle_metrics.json");
    const summary = JSON.parse(await readFile(file, "utf8"));
    const failed = summary.failures.count;
    const total = summary.load_summary.count;
    assert.ok(page.dom.includes(`<dt>Requests failed</dt><dd>${failed}<small>of ${total.toLocaleString("en-US")}`));
    for (const label of Object.keys(summary.failures.by_label)) assert.ok(page.dom.includes(label));
  });

  test("warns only of what is so, and shows text from outside as text", async () => {
    assert.doesNotMatch(page.dom, /class="caveats"/);
    const source = await readFile(join(reports.folder, "report.html"), "utf8");
    const warned = source.replace('"caveats":[]', '"caveats":["PARTIAL: \\u003cimg src=x onerror=alert(1)>"]');
    assert.notEqual(warned, source);
    const file = join(reports.folder, "warned.html");
    await writeFile(file, warned);
    const other = await open_page(file);
    assert.match(other.dom, /<li>PARTIAL: &lt;img src=x onerror=alert\(1\)&gt;<\/li>/);
    assert.deepEqual(other.console, []);
  });
});

test("100,000 requests make a page that is as small and opens as well", async () => {
  const reports = await write_reports(100_000);
  try {
    const file = join(reports.folder, "report.html");
    assert.ok((await stat(file)).size < 300_000);
    const page = await open_page(file);
    assert.match(page.dom, /data-plots="11"/);
    assert.deepEqual(page.console, []);
  } finally {
    await reports.remove();
  }
});
