// SPDX-License-Identifier: Apache-2.0
// A page in a headless Chromium: what the document became, what the console said, and what the page
// asked its server for.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const kDeadlineMs = 60_000;

/** Writes the reports of a synthetic run of about `requests` requests; answers its folder. */
export async function write_reports(requests) {
  const folder = await mkdtemp(join(tmpdir(), "llmd-report-"));
  const { stdout } = await run(join(process.env.LLMD_BUILD, "report_probe"), ["run", folder, String(requests)]);
  return { folder, table: stdout, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** Opens `file` from a server on loopback. */
export async function open_page(file, flags = []) {
  const content = await readFile(file);
  const requests = [];
  const server = createServer((request, response) => {
    requests.push(request.url);
    response.setHeader("content-type", "text/html; charset=utf-8").end(content);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const profile = await mkdtemp(join(tmpdir(), "llmd-chromium-"));
  try {
    const { stdout, stderr } = await run("chromium", [
      "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
      "--disable-component-update", "--no-first-run", `--user-data-dir=${profile}`,
      "--enable-logging=stderr", "--window-size=1280,2000", ...flags, "--dump-dom",
      `http://127.0.0.1:${server.address().port}/report.html`,
    ], { timeout: kDeadlineMs, maxBuffer: 64 << 20 });
    return { dom: stdout, console: stderr.split("\n").filter((line) => line.includes("CONSOLE")), requests };
  } finally {
    server.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}
