// SPDX-License-Identifier: Apache-2.0
// A plot is an SVG element: axes, lines, steps, areas, marks, and a pointer that reads values off.
"use strict";

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element; text only ever goes in as text. */
function svg(name, attributes = {}, text) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  return element;
}

/** An HTML element with children: strings become text. */
function html(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

const format = {
  number(value) {
    if (value === null || !Number.isFinite(value)) return "–";
    const size = Math.abs(value);
    if (size >= 999.5) return Math.round(value).toLocaleString("en-US");
    if (size === 0) return "0";
    return size < 0.001 ? value.toExponential(1) : String(Number(value.toPrecision(3)));
  },
  seconds(value) {
    if (value === null || !Number.isFinite(value)) return "–";
    if (value === 0) return "0";
    if (value < 1e-3) return `${format.number(value * 1e6)} µs`;
    if (value < 1) return `${format.number(value * 1e3)} ms`;
    return `${format.number(value)} s`;
  },
  percent(share) {
    if (share === null || !Number.isFinite(share)) return "–";
    return share >= 0.9995 ? "100 %" : `${(100 * share).toFixed(share >= 0.0995 ? 1 : 2)} %`;
  },
};

/** Round steps (1, 2, 5 times a power of ten) that cut [low, high] into about `count` pieces. */
function linear_ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((s) => s >= rough * 0.999);
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high * (1 + 1e-9); ++i) ticks.push(i * step);
  return ticks;
}

function log_steps(low, high, factors) {
  const all = [];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; ++power) {
    for (const factor of factors) all.push(factor * 10 ** power);
  }
  return all.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
}

/** As many as fit of the customary ones, and at least two where there are two. */
function log_ticks(low, high, count) {
  const choices = [[1, 2, 5], [1, 3], [1]].map((factors) => log_steps(low, high, factors));
  return choices.find((ticks) => ticks.length <= count) ?? choices.at(-1);
}

/** From data to pixels along one axis. */
function scale({ min, max, log = false }, from, to) {
  const flat = log ? Math.log10 : (value) => value;
  const low = flat(min);
  const width = flat(max) - low || 1;
  const place = (value) => from + ((flat(log ? Math.max(value, min) : value) - low) / width) * (to - from);
  place.invert = (pixel) => {
    const value = low + ((pixel - from) / (to - from)) * width;
    return log ? 10 ** value : value;
  };
  return place;
}

const round = (value) => Math.round(value * 10) / 10;

/** The path through points; breaks where a value is null. Steps hold a value until the next x. */
function path_of(xs, ys, x, y, steps) {
  let path = "";
  let drawn = 0;  // points since the last break
  for (let i = 0; i < xs.length; ++i) {
    if (ys[i] === null) {
      drawn = 0;
      continue;
    }
    const at = round(x(xs[i]));
    if (drawn > 0 && steps) path += `H${at}`;
    path += `${drawn > 0 ? "L" : "M"}${at},${round(y(ys[i]))}`;
    if (drawn === 0 && (ys[i + 1] ?? null) === null) path += `H${at}`;  // one alone is a dot
    ++drawn;
  }
  return path;
}

/** The area between two curves over the same xs. */
function area_of(xs, lows, highs, x, y) {
  const points = [];
  for (let i = 0; i < xs.length; ++i) points.push(`${round(x(xs[i]))},${round(y(highs[i]))}`);
  for (let i = xs.length - 1; i >= 0; --i) points.push(`${round(x(xs[i]))},${round(y(lows[i]))}`);
  return `M${points.join("L")}Z`;
}

/**
 * plot({title, width, height, x, y, series, marks, spans})
 *   x, y    {min, max, log, label, format, ticks}
 *   series  {kind: line|step|dots|area, xs, ys, lows, color, label, dash, key}
 *   marks   {x | y, label}: a dashed line across
 *   spans   {from, to, label}: a tinted stretch of the x axis
 * Returns a <figure>; under the pointer its caption says the values.
 */
function plot({ title, width = 720, height = 240, x, y, series, marks = [], spans = [] }) {
  const box = { left: 58, right: width - 14, top: 30, bottom: height - 38 };
  const place = { x: scale(x, box.left, box.right), y: scale(y, box.bottom, box.top) };
  const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title });
  root.append(svg("text", { x: box.left, y: 14, class: "title" }, title));
  draw_key(root, series, box);
  draw_spans(root, spans, place, box);
  draw_axes(root, x, y, place, box);
  for (const one of series) draw_series(root, one, place);
  for (const mark of marks) draw_mark(root, mark, place, box);
  const readout = html("figcaption", {}, "\u00a0");
  const figure = html("figure", { class: "plot" }, root, readout);
  read_under_pointer(root, readout, { x, y, series, place, box });
  return figure;
}

/** Which colour is which, at the right of the title; without `key` the page says it elsewhere. */
function draw_key(root, series, box) {
  let right = box.right;
  for (const one of series.filter((each) => each.key).reverse()) {
    root.append(svg("text", { x: right, y: 14, class: "end" }, one.label));
    right -= 6.8 * one.label.length + 6;
    root.append(svg("line", { x1: right - 14, x2: right, y1: 10, y2: 10, class: one.dash ? "curve dash" : "curve", style: `--c: ${one.color}; stroke-width: 3` }));
    right -= 30;
  }
}

function draw_spans(root, spans, place, box) {
  for (const [index, span] of spans.entries()) {
    const left = place.x(span.from);
    const right = place.x(span.to);
    root.append(svg("rect", {
      x: round(left), y: box.top, width: round(Math.max(right - left, 0)),
      height: box.bottom - box.top, class: index % 2 ? "span odd" : "span",
    }));
    if (right - left > 7 * span.label.length) {
      root.append(svg("text", { x: round((left + right) / 2), y: box.top + 11, class: "span-label" }, span.label));
    }
  }
}

function draw_axes(root, x, y, place, box) {
  const ticks_of = (axis, count) =>
    axis.ticks ?? (axis.log ? log_ticks(axis.min, axis.max, count) : linear_ticks(axis.min, axis.max, count));
  for (const tick of ticks_of(y, 5)) {
    const at = round(place.y(tick));
    root.append(svg("line", { x1: box.left, x2: box.right, y1: at, y2: at, class: "grid" }));
    root.append(svg("text", { x: box.left - 7, y: at + 3.5, class: "tick end" }, y.format(tick)));
  }
  for (const tick of ticks_of(x, (box.right - box.left) / 75)) {
    const at = round(place.x(tick));
    root.append(svg("line", { x1: at, x2: at, y1: box.bottom, y2: box.bottom + 4, class: "axis" }));
    root.append(svg("text", { x: at, y: box.bottom + 16, class: "tick middle" }, x.format(tick)));
  }
  root.append(svg("line", { x1: box.left, x2: box.right, y1: box.bottom, y2: box.bottom, class: "axis" }));
  root.append(svg("text", { x: box.right, y: box.bottom + 32, class: "label end" }, x.label));
}

function draw_series(root, one, { x, y }) {
  const style = `--c: ${one.color}`;
  if (one.kind === "area") {
    root.append(svg("path", { d: area_of(one.xs, one.lows, one.ys, x, y), class: "area", style }));
    return;
  }
  const path = path_of(one.xs, one.ys, x, y, one.kind === "step");
  root.append(svg("path", { d: path, class: one.dash ? "curve dash" : "curve", style, "data-series": one.label }));
  if (one.kind !== "dots") return;
  for (let i = 0; i < one.xs.length; ++i) {
    if (one.ys[i] !== null) {
      root.append(svg("circle", { cx: round(x(one.xs[i])), cy: round(y(one.ys[i])), r: 3.2, class: "dot", style }));
    }
  }
}

function draw_mark(root, mark, place, box) {
  const upright = mark.x !== undefined;
  const at = round(upright ? place.x(mark.x) : place.y(mark.y));
  if (upright ? at < box.left || at > box.right : at < box.top || at > box.bottom) return;
  root.append(svg("line", upright
    ? { x1: at, x2: at, y1: box.top, y2: box.bottom, class: "mark" }
    : { x1: box.left, x2: box.right, y1: at, y2: at, class: "mark" }));
  if (!mark.label) return;
  const late = upright && at > box.right - 90;
  root.append(svg("text", upright
    ? { x: at + (late ? -5 : 5), y: box.bottom - 6, class: late ? "mark-label end" : "mark-label" }
    : { x: box.left + 5, y: at - 5, class: "mark-label" }, mark.label));
}

/** The index of the last x that is not beyond `value`, or the nearest one for dots. */
function index_at(one, value) {
  let best = 0;
  for (let i = 0; i < one.xs.length; ++i) {
    const nearer = Math.abs(one.xs[i] - value) < Math.abs(one.xs[best] - value);
    if (one.kind === "dots" ? nearer : one.xs[i] <= value) best = i;
  }
  return best;
}

function read_under_pointer(root, readout, { x, y, series, place, box }) {
  const line = svg("line", { y1: box.top, y2: box.bottom, class: "pointer" });
  line.style.display = "none";
  root.append(line);
  root.addEventListener("pointermove", (event) => {
    const size = root.getBoundingClientRect();
    const pixel = ((event.clientX - size.left) / size.width) * root.viewBox.baseVal.width;
    const inside = pixel >= box.left && pixel <= box.right;
    line.style.display = inside ? "" : "none";
    if (!inside) return;
    line.setAttribute("x1", pixel);
    line.setAttribute("x2", pixel);
    const value = place.x.invert(pixel);
    const parts = series.filter((one) => one.label).map((one) => {
      const at = index_at(one, value);
      return `${one.label} ${y.format(one.kind === "area" ? one.ys[at] - one.lows[at] : one.ys[at])}`;
    });
    readout.textContent = `${x.format(value)}: ${parts.join(" · ")}`;
  });
  root.addEventListener("pointerleave", () => {
    line.style.display = "none";
    readout.textContent = "\u00a0";
  });
}

/** Which tint is how much, at the right of the title: from none to `most`. */
function draw_heat_key(root, most, right) {
  const cells = 6;
  const width = 16;
  root.append(svg("text", { x: right, y: 14, class: "end" }, most));
  const left = right - 6.8 * most.length - 8 - cells * width;
  for (let i = 0; i < cells; ++i) {
    root.append(svg("rect", { x: left + i * width, y: 5, width, height: 10, class: "heat", style: `--v: ${i / (cells - 1)}` }));
  }
  root.append(svg("text", { x: left - 6, y: 14, class: "end" }, "0"));
}

/** A row of tinted cells per name: `rows[i][j]` in [0, 1], or -1 for nothing to show; 1 is `most`. */
function heat_map({ title, names, rows, times, most, value_of }) {
  const cell = Math.max(6, Math.min(20, 320 / rows.length));
  const box = { left: 132, right: 1026, top: 24 };
  const height = box.top + rows.length * cell + 38;
  const root = svg("svg", { viewBox: `0 0 1040 ${height}`, role: "img", "aria-label": title });
  root.append(svg("text", { x: box.left, y: 14, class: "title" }, title));
  draw_heat_key(root, most, box.right);
  const x = scale({ min: 0, max: times.end }, box.left, box.right);
  rows.forEach((row, i) => {
    const y = box.top + i * cell;
    if (cell >= 9) root.append(svg("text", { x: box.left - 8, y: y + cell / 2 + 3.5, class: "tick end" }, names[i].slice(-18)));
    heat_row(root, row, { y, cell, x, bin: times.bin, end: times.end });
  });
  for (const tick of linear_ticks(0, times.end, 12)) {
    root.append(svg("text", { x: round(x(tick)), y: height - 22, class: "tick middle" }, format.seconds(tick)));
  }
  root.append(svg("text", { x: box.right, y: height - 6, class: "label end" }, "since the run began"));
  const readout = html("figcaption", {}, "\u00a0");
  root.addEventListener("pointermove", (event) => {
    const size = root.getBoundingClientRect();
    const row = Math.floor((((event.clientY - size.top) / size.height) * height - box.top) / cell);
    const at = x.invert(((event.clientX - size.left) / size.width) * 1040);
    const column = Math.floor(at / times.bin);
    const known = rows[row] !== undefined && column >= 0 && column < rows[row].length;
    readout.textContent = known ? `${names[row]} at ${format.seconds(at)}: ${value_of(row, column)}` : "\u00a0";
  });
  return html("figure", { class: "plot" }, root, readout);
}

/** Neighbours of one shade become one rectangle. */
function heat_row(root, row, { y, cell, x, bin, end }) {
  const shade_of = (value) => (value < 0 ? -1 : Math.round(value * 20));
  for (let from = 0; from < row.length;) {
    const shade = shade_of(row[from]);
    let to = from + 1;
    while (to < row.length && shade_of(row[to]) === shade) ++to;
    if (shade >= 0) {
      const left = x(from * bin);
      root.append(svg("rect", {
        x: round(left), y, width: round(x(Math.min(to * bin, end)) - left), height: cell - 1,
        class: "heat", style: `--v: ${shade / 20}`,
      }));
    }
    from = to;
  }
}
