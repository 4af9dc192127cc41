// SPDX-License-Identifier: Apache-2.0
// Lays out the page from the figures in #data. All arithmetic on requests was done when it was
// written; nothing here is fetched.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const counted = data.stages.filter((stage) => !stage.warm);
const has_slo = data.slo.words !== "";

/** Stages are an order, so their colours are too: from cold to hot, one lightness. */
function stage_colour(index) {
  const share = data.stages.length < 2 ? 0.15 : index / (data.stages.length - 1);
  return `oklch(var(--ramp) 0.13 ${245 - 220 * share})`;
}

const colour = {
  accent: "var(--accent)",
  cold: "oklch(var(--ramp) 0.11 245)",
  hot: "oklch(var(--ramp) 0.14 45)",
};

function stage_name(stage) {
  if (stage.warm) return "warm-up";
  if (stage.rate > 0) return `${format.number(stage.rate)} req/s`;
  return stage.concurrency > 0 ? `${stage.concurrency} open` : stage.load;
}

function section(title, words, ...children) {
  const element = html("section", {}, html("h2", {}, title), words ? html("p", {}, words) : null, ...children);
  document.querySelector("main").append(element);
}

function reading(name, value, note) {
  return html("div", {}, html("dt", {}, name), html("dd", {}, value, html("small", {}, note)));
}

function goodput_reading(total) {
  if (!has_slo) return [];
  const within = `${format.percent(total.attained)} within ${data.slo.words}`;
  const ladder = data.ladder;
  if (ladder === null) return [reading("Goodput, req/s", format.number(total.goodput), within)];
  const value = ladder.rate === 0 ? "none" : `${ladder.at_least ? "≥ " : ""}${format.number(ladder.rate)}`;
  return [reading("Goodput of the ladder, req/s", value, `highest rate with 95 % within ${data.slo.words}`)];
}

function head() {
  const { total } = data;
  const main = document.querySelector("main");
  main.append(html("h1", {}, data.model || "benchmark"));
  const meta = [["target", data.target], ["workload", data.workload], ["api", data.api],
    ["seed", data.seed], ["started", data.started]];
  main.append(html("p", { class: "meta" }, ...meta.filter(([, value]) => value)
    .flatMap(([key, value]) => [`${key} `, html("b", {}, value), "  "])));
  if (data.caveats.length > 0) {
    main.append(html("ul", { class: "caveats", role: "alert" }, ...data.caveats.map((one) => html("li", {}, one))));
  }
  main.append(html("dl", { class: "readings" },
    ...goodput_reading(total),
    reading("Time to first token", format.seconds(total.ttft.p50), `median; p99 ${format.seconds(total.ttft.p99)}`),
    reading("Time per output token", format.seconds(total.tpot.p50), `median; p99 ${format.seconds(total.tpot.p99)}`),
    reading("Output tokens/s", format.number(total.tps), `${format.number(total.rps)} requests/s over ${format.seconds(total.seconds)}`),
    reading("Prompt tokens cached", format.percent(total.hit), `of ${format.number(total.prompt)}`),
    reading("Requests failed", format.number(total.failed), `of ${format.number(total.requests)}`)));
}

/** Where curves of several stages lie: one x axis for all, logarithmic when they are far apart. */
function latency_axis(key, label) {
  const xs = counted.flatMap((stage) => stage.cdf[key]).filter((value) => value > 0);
  const max = Math.max(...xs);
  const min = Math.min(...xs);
  const log = max / min > 12;
  return { min: log ? min * 0.95 : 0, max: max * 1.03, log, label, format: format.seconds };
}

function cdf_plot(key, title, bound) {
  if (!counted.some((stage) => stage.cdf[key].length > 0)) return null;
  const series = data.stages.map((stage, index) => ({
    kind: "line", xs: stage.cdf[key], ys: data.cdf_shares, label: stage_name(stage), color: stage_colour(index),
  })).filter((one, index) => !data.stages[index].warm && one.xs.length > 0);
  return plot({
    title, width: 340, height: 250, series,
    x: latency_axis(key, "took at most"),
    y: { min: 0, max: 1, ticks: [0, 0.25, 0.5, 0.75, 1], format: (share) => `${format.number(100 * share)} %` },
    marks: bound > 0 ? [{ x: bound, label: `SLO ${format.seconds(bound)}` }] : [],
  });
}

function stage_legend() {
  return html("ul", { class: "legend" }, ...data.stages.map((stage, index) => stage.warm ? null
    : html("li", {}, html("i", { style: `--c: ${stage_colour(index)}` }), stage_name(stage))));
}

function latencies() {
  if (!counted.some((stage) => stage.cdf.e2e.length > 0)) return;
  section("Latency", "The share of each stage's answered requests that took no longer than x. Failed requests are in none of them.",
    stage_legend(),
    html("div", { class: "grid3" }, cdf_plot("ttft", "Time to first token", data.slo.ttft),
      cdf_plot("tpot", "Time per output token", data.slo.tpot), cdf_plot("e2e", "Whole request", data.slo.e2e)));
}

function stage_table() {
  const columns = [["stage"], ["requests"], ["failed"], ["req/s"], ["tokens/s"], ["TTFT p50"], ["TTFT p90"], ["TTFT p99"],
    ["TPOT p50"], ["TPOT p99"], ["request p99"], ["cached"]];
  if (has_slo) columns.push(["within SLO"], ["goodput"]);
  const cells = (stage) => [format.number(stage.requests), format.number(stage.failed),
    format.number(stage.rps), format.number(stage.tps), format.seconds(stage.ttft.p50), format.seconds(stage.ttft.p90),
    format.seconds(stage.ttft.p99), format.seconds(stage.tpot.p50), format.seconds(stage.tpot.p99),
    format.seconds(stage.e2e.p99), format.percent(stage.hit),
    ...(has_slo ? [format.percent(stage.attained), format.number(stage.goodput)] : [])];
  const row = (style, first, stage) =>
    html("tr", { class: style }, html("td", {}, ...first), ...cells(stage).map((cell) => html("td", {}, cell)));
  return html("div", { class: "scroll" }, html("table", { id: "stages" },
    html("tr", {}, ...columns.map(([name]) => html("th", {}, name))),
    ...data.stages.map((stage, index) => row(stage.warm ? "warm" : "",
      [html("i", { style: `--c: ${stage_colour(index)}` }), stage_name(stage)], stage)),
    data.stages.length > 1 ? row("total", ["all"], data.total) : null));
}

/** Stages of an open loop by rate. */
function ladder_plots() {
  const steps = counted.filter((stage) => stage.rate > 0).sort((a, b) => a.rate - b.rate);
  if (steps.length < 2) return null;
  const xs = steps.map((stage) => stage.rate);
  const top = xs.at(-1);
  const x = { min: 0, max: top * 1.04, label: "offered, requests/s", format: format.number };
  const share = { min: 0, max: 1, ticks: [0, 0.25, 0.5, 0.75, 0.95], format: (value) => `${format.number(100 * value)} %` };
  const done = plot({
    title: has_slo ? "Goodput, requests/s" : "Answered, requests/s", width: 540, height: 280, x,
    y: { min: 0, max: top * 1.04, format: format.number },
    series: [
      { kind: "line", xs: [0, top], ys: [0, top], color: "var(--soft)", label: "offered", dash: true, key: true },
      { kind: "dots", xs, ys: steps.map((stage) => stage.rps), color: colour.cold, label: "answered", key: true },
      ...(has_slo ? [{ kind: "dots", xs, ys: steps.map((stage) => stage.goodput), color: colour.hot, label: "good", key: true }] : []),
    ],
  });
  if (!has_slo) return html("div", { class: "grid2" }, done);
  const { ladder } = data;
  const marks = [{ y: 0.95 }];  // the axis says which share it is
  if (ladder !== null && ladder.rate > 0) marks.push({ x: ladder.rate, label: `${format.number(ladder.rate)} req/s` });
  return html("div", { class: "grid2" }, done, plot({
    title: "Requests within the SLO", width: 540, height: 280, x, y: share, marks,
    series: [{ kind: "dots", xs, ys: steps.map((stage) => stage.attained), color: colour.accent, label: "within" }],
  }));
}

function ladder() {
  const words = has_slo ? `Good is what kept ${data.slo.words}; failed and unfinished requests did not. ` : "";
  section(data.stages.length > 1 ? "Stages" : "Stage", words, ...[ladder_plots(), stage_table()].filter(Boolean));
}

function over_time() {
  const { time } = data;
  const xs = time.sent.map((_, index) => index * time.bin);
  const end = xs.length * time.bin;
  const x = { min: 0, max: end, label: "since the run began", format: format.seconds };
  const spans = data.stages.map((stage) => ({ from: stage.begin, to: Math.min(stage.end, end), label: stage_name(stage) }));
  const per_second = (counts) => counts.map((count) => count / time.bin);
  const top = (...curves) => Math.max(1e-9, ...curves.flat().filter((value) => value !== null)) * 1.12;
  const strip = (title, y, series) => plot({ title, width: 1040, height: 200, x, y: { min: 0, ...y }, series, spans });
  const zero = xs.map(() => 0);
  const both = time.waiting.map((value, index) => value + time.answering[index]);
  const [sent, ok, failed, tokens] = [time.sent, time.ok, time.failed, time.tokens].map(per_second);
  const ttft_top = top(time.ttft_p99, time.ttft_p50);
  section("Over time", null, html("div", { class: "stack" },
    strip("Requests per second", { max: top(sent, ok), format: format.number }, [
      { kind: "step", xs, ys: sent, color: "var(--soft)", label: "sent", dash: true, key: true },
      { kind: "step", xs, ys: ok, color: colour.accent, label: "answered", key: true },
      ...(failed.some((value) => value > 0) ? [{ kind: "step", xs, ys: failed, color: colour.hot, label: "failed", key: true }] : [])]),
    strip("Output tokens per second", { max: top(tokens), format: format.number }, [
      { kind: "step", xs, ys: tokens, color: colour.accent, label: "tokens" }]),
    strip("Open requests", { max: top(both), format: format.number }, [
      { kind: "area", xs, lows: zero, ys: time.answering, color: colour.accent, label: "answering", key: true },
      { kind: "area", xs, lows: time.answering, ys: both, color: colour.hot, label: "waiting", key: true }]),
    time.ttft_p99.some((value) => value !== null)
      ? strip("Time to first token, by when the request was sent", { max: ttft_top, format: format.seconds }, [
        { kind: "line", xs, ys: time.ttft_p99, color: colour.hot, label: "p99", key: true },
        { kind: "line", xs, ys: time.ttft_p50, color: colour.accent, label: "median", key: true }]) : null));
}

function endpoint_maps(times) {
  const sampled = data.endpoints.filter((endpoint) => endpoint.load.length > 0);
  if (sampled.length === 0) return [];
  const names = sampled.map((endpoint) => endpoint.name);
  const busiest = Math.max(1e-9, ...sampled.flatMap((endpoint) => endpoint.load));
  const load = heat_map({
    title: "Requests running and waiting", names, times, most: `${format.number(busiest)} at once`,
    rows: sampled.map((endpoint) => endpoint.load.map((value) => value / busiest)),
    value_of: (row, column) => format.number(sampled[row].load[column]),
  });
  const hits = heat_map({
    title: "Prompt tokens found in the prefix cache", names, times, most: "100 %", rows: sampled.map((endpoint) => endpoint.hits),
    value_of: (row, column) => (sampled[row].hits[column] < 0 ? "no lookups" : format.percent(sampled[row].hits[column])),
  });
  return [html("div", { class: "stack" }, load, hits)];
}

function shares(id, rows, columns, note) {
  const most = Math.max(1, ...rows.map((row) => row.requests));
  const bar = (row) => {
    const width = Math.round((90 * row.requests) / most);
    return html("span", { class: "bar", style: `width: ${width}px; margin-right: ${90 - width}px` });
  };
  return html("div", { class: "scroll" }, html("table", { id },
    html("tr", {}, ...columns.map(([name]) => html("th", {}, name))),
    ...rows.map((row) => html("tr", {}, ...columns.map(([, cell], index) =>
      html("td", {}, cell(row), index === 1 ? bar(row) : null))))), note ? html("p", { class: "meta" }, note) : null);
}

function groups() {
  const columns = [["endpoint", (row) => row.name], ["requests", (row) => format.number(row.requests)],
    ["failed", (row) => format.number(row.failed)], ["output tokens", (row) => format.number(row.output)],
    ["cached", (row) => format.percent(row.hit)]];
  const within = has_slo ? [["within SLO", (row) => format.percent(row.attained)]] : [];
  if (data.endpoints.length > 0) {
    const hidden = data.endpoints_hidden > 0 ? `and ${data.endpoints_hidden} more that are less busy` : "";
    section("Endpoints", "Where nothing is drawn, the endpoint was not looked at, or looked nothing up.",
      ...endpoint_maps({ bin: data.endpoint_bin, end: data.time.sent.length * data.time.bin }),
      shares("endpoints", data.endpoints, [...columns, ...within], hidden));
  }
  if (data.tenants.length > 1) {
    const hidden = data.tenants_hidden > 0 ? `and ${data.tenants_hidden} more with fewer requests` : "";
    section("Tenants", null, shares("tenants", data.tenants, [["tenant", (row) => row.name], ...columns.slice(1), ...within], hidden));
  }
}

function errors() {
  if (data.errors.length === 0) return;
  section("Errors", null, html("div", { class: "scroll" }, html("table", { id: "errors" },
    html("tr", {}, ...["kind", "requests"].map((name) => html("th", {}, name)), html("th", { class: "text" }, "what they said")),
    ...data.errors.map((group) => html("tr", {}, html("td", {}, group.label), html("td", {}, format.number(group.count)),
      html("td", { class: "text" }, group.messages.join(" · ")))))));
}

function tail() {
  const main = document.querySelector("main");
  main.append(html("section", {}, html("details", {}, html("summary", {}, "Configuration"), html("pre", {}, data.config))));
  main.append(html("footer", { class: "meta" },
    `Percentiles come from histograms of every request (error below 0.1 %). The tool's lateness: median ${format.seconds(data.total.lateness.p50)}, p99 ${format.seconds(data.total.lateness.p99)}. Written by llmd bench.`));
}

for (const part of [head, latencies, ladder, over_time, groups, errors, tail]) part();
document.documentElement.dataset.plots = document.querySelectorAll("figure.plot").length;
