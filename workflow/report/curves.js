"use strict";

const MEASURES = {
  loss: "training loss (log scale)",
  train_accuracy: "training accuracy, %",
  validation_loss: "validation loss (log scale)",
  validation_accuracy: "validation accuracy, %",
};
const MARGIN = { left: 52, right: 10, top: 10, bottom: 40 };
const MEAN = "mean";
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

const state = { experiment: 0, axis: "epoch", hiddenArms: new Set(), hiddenSeeds: new Set() };
const panels = ["loss", "validation_accuracy"].map(makePanel);

const experiment = () => data.experiments[state.experiment];
const seedName = (seed) => (seed === MEAN ? "mean" : `seed ${seed}`);

/* The curves to draw: of every shown arm its shown seeds, and last, on top, its mean over all of its seeds. */
function curvesOf(measure) {
  const curves = [];
  for (const { name, colour, broken, arm } of experiment().arms) {
    if (state.hiddenArms.has(name)) continue;
    const { seeds, epochs, steps } = data.arms[arm];
    const table = state.axis === "step" && measure in steps ? steps : epochs;
    const [x, y] = [table[state.axis], table[measure]];
    const add = (seed, values) => {
      const points = x.map((at, place) => [at, values[place]]).filter(([, value]) => value !== null);
      if (!state.hiddenSeeds.has(seed) && points.length) curves.push({ name, colour, broken, seed, seeds: seeds.length, points });
    };
    seeds.forEach((seed, number) => add(seed, y[number]));
    add(MEAN, x.map((_, place) => mean(y.map((values) => values[place]).filter((value) => value !== null))));
  }
  return curves.sort((a, b) => (a.seed === MEAN) - (b.seed === MEAN));
}

const mean = (values) => (values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null);

/* Scales and ticks */

function roundStep(span, most) {
  const power = 10 ** Math.floor(Math.log10(span / most));
  return power * [1, 2, 5, 10].find((factor) => span / (power * factor) <= most);
}

function linearTicks(low, high, most) {
  const step = roundStep(high - low, most);
  const ticks = [];
  for (let tick = Math.ceil(low / step - 1e-9) * step; tick <= high + step * 1e-9; tick += step) ticks.push(Number(tick.toPrecision(10)));
  return ticks;
}

function logTicks(low, high) {
  const ticks = [];
  const factors = high > 300 * low ? [1] : [1, 2, 5];
  for (let power = Math.floor(Math.log10(low)); 10 ** power <= high; power++) {
    for (const factor of factors) ticks.push(Number((factor * 10 ** power).toPrecision(6)));
  }
  const inside = ticks.filter((tick) => low <= tick && tick <= high);
  return inside.length > 2 ? inside : linearTicks(low, high, 5);
}

/* From values to pixels: [low, high] to [first, last], both ends a little apart where they are one. */
function scaleOf(values, first, last, { log = false, margin = 0 } = {}) {
  const place = log ? Math.log : Number;
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (low === high) [low, high] = log ? [low / 1.2, high * 1.2] : [low - 0.5, high + 0.5];
  const padding = margin * (place(high) - place(low));
  const [start, end] = [place(low) - padding, place(high) + padding];
  const scale = (value) => first + ((place(value) - start) / (end - start)) * (last - first);
  const back = log ? Math.exp : Number;
  return { scale, low: back(start), high: back(end) };
}

/* Drawing */

function svg(tag, properties = {}, text = null) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(properties)) made.setAttribute(name, value);
  if (text !== null) made.textContent = text;
  return made;
}

function makePanel(measure) {
  const panel = { measure, curves: [], chosen: null, root: document.createElement("div") };
  panel.root.className = "panel";
  const label = document.createElement("label");
  panel.select = document.createElement("select");
  panel.select.append(...Object.entries(MEASURES).map(([value, text]) => new Option(text, value, false, value === measure)));
  panel.select.id = `shown-${measure}`;
  label.htmlFor = panel.select.id;
  label.append("Shown ");
  panel.chart = svg("svg", { tabindex: 0, role: "application" });
  panel.tip = document.createElement("div");
  panel.tip.className = "tip";
  panel.tip.setAttribute("role", "status");
  panel.root.append(label, panel.select, panel.chart, panel.tip);
  panel.select.addEventListener("change", () => {
    panel.measure = panel.select.value;
    draw(panel);
  });
  panel.chart.addEventListener("pointermove", (event) => point(panel, nearest(panel, event)));
  panel.chart.addEventListener("pointerleave", () => point(panel, null));
  panel.chart.addEventListener("blur", () => point(panel, null));
  panel.chart.addEventListener("keydown", (event) => moveCursor(panel, event));
  new ResizeObserver(() => draw(panel)).observe(panel.root);
  byId("panels").append(panel.root);
  return panel;
}

function draw(panel) {
  const width = panel.chart.clientWidth;
  const height = panel.chart.clientHeight;
  panel.curves = curvesOf(panel.measure);
  panel.chart.setAttribute("viewBox", `0 0 ${width} ${height}`);
  panel.chart.setAttribute("aria-label", `${MEASURES[panel.measure]} by ${state.axis}, ${panel.curves.length} curves`);
  panel.chart.replaceChildren();
  point(panel, null);
  if (panel.curves.length === 0) {
    panel.chart.append(svg("text", { x: width / 2, y: height / 2, "text-anchor": "middle" }, "No curve is chosen."));
    return;
  }
  const points = panel.curves.flatMap((curve) => curve.points);
  const log = panel.measure.endsWith("loss") && points.every(([, y]) => y > 0);
  panel.x = scaleOf([state.axis === "step" ? 0 : 1, ...points.map(([x]) => x)], MARGIN.left, width - MARGIN.right);
  panel.y = scaleOf(points.map(([, y]) => y), height - MARGIN.bottom, MARGIN.top, { log, margin: 0.04 });
  drawAxes(panel, width, height, log);
  for (const curve of panel.curves) {
    const path = curve.points.map(([x, y]) => `${panel.x.scale(x).toFixed(1)} ${panel.y.scale(y).toFixed(1)}`);
    const line = svg("path", { class: `curve ${curve.seed === MEAN ? "mean" : "seed"}${curve.broken ? " broken" : ""}`, d: `M${path.join("L")}h0` });
    line.style.setProperty("--colour", curve.colour);
    panel.chart.append(line);
  }
}

function drawAxes(panel, width, height, log) {
  const bottom = height - MARGIN.bottom;
  for (const tick of log ? logTicks(panel.y.low, panel.y.high) : linearTicks(panel.y.low, panel.y.high, 6)) {
    const y = panel.y.scale(tick);
    panel.chart.append(svg("line", { class: "grid", x1: MARGIN.left, x2: width - MARGIN.right, y1: y, y2: y }));
    panel.chart.append(svg("text", { x: MARGIN.left - 6, y: y + 4, "text-anchor": "end" }, tick));
  }
  const whole = linearTicks(panel.x.low, panel.x.high, Math.max(2, width / 90)).filter(Number.isInteger);
  for (const tick of whole) {
    const x = panel.x.scale(tick);
    panel.chart.append(svg("line", { class: "grid", x1: x, x2: x, y1: MARGIN.top, y2: bottom }));
    panel.chart.append(svg("text", { x, y: bottom + 17, "text-anchor": "middle" }, tick.toLocaleString("en")));
  }
  const middle = (MARGIN.left + width - MARGIN.right) / 2;
  panel.chart.append(svg("text", { x: middle, y: height - 4, "text-anchor": "middle" }, state.axis));
}

/* The point of a curve that is read off: {curve, place}, or null */

function nearest(panel, event) {
  const box = panel.chart.getBoundingClientRect();
  const [left, top] = [event.clientX - box.left, event.clientY - box.top];
  let best = null;
  panel.curves.forEach((curve, number) => {
    const [ofCurve] = curve.points
      .map(([x, y], place) => ({ curve: number, place, across: Math.abs(panel.x.scale(x) - left), away: Math.abs(panel.y.scale(y) - top) }))
      .sort((a, b) => a.across - b.across);
    // A mean wins against a seed's line that is hardly nearer.
    const distance = ofCurve.away + ofCurve.across - (curve.seed === MEAN ? 4 : 0);
    if (best === null || distance < best.distance) best = { ...ofCurve, distance };
  });
  return best;
}

function point(panel, chosen) {
  panel.chosen = chosen;
  panel.chart.querySelectorAll(".cursor, .dot").forEach((made) => made.remove());
  panel.tip.replaceChildren();
  if (chosen === null) return;
  const curve = panel.curves[chosen.curve];
  const [x, y] = curve.points[chosen.place];
  const [left, top] = [panel.x.scale(x), panel.y.scale(y)];
  panel.chart.append(svg("line", { class: "cursor", x1: left, x2: left, y1: MARGIN.top, y2: panel.chart.clientHeight - MARGIN.bottom }));
  const dot = svg("circle", { class: "dot", cx: left, cy: top, r: 5 });
  dot.style.setProperty("--colour", curve.colour);
  panel.chart.append(dot);
  const which = curve.seed === MEAN ? `mean of ${curve.seeds} seed${curve.seeds > 1 ? "s" : ""}` : seedName(curve.seed);
  const value = panel.measure.endsWith("loss") ? y.toPrecision(3) : `${y.toFixed(2)} %`;
  panel.tip.append(`${curve.name}, ${which}`, document.createElement("br"), `${state.axis} ${Math.round(x).toLocaleString("en")}: ${value}`);
  const offset = panel.chart.getBoundingClientRect().top - panel.root.getBoundingClientRect().top;
  panel.tip.style.top = `${offset + Math.max(0, top - panel.tip.offsetHeight - 12)}px`;
  panel.tip.style.left = `${Math.min(Math.max(0, left - panel.tip.offsetWidth / 2), panel.root.clientWidth - panel.tip.offsetWidth)}px`;
}

function moveCursor(panel, event) {
  const move = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [1, 0], ArrowDown: [-1, 0] }[event.key];
  if (!move || panel.curves.length === 0) return;
  event.preventDefault();
  // The last curve is a mean, drawn on top.
  const now = panel.chosen ?? { curve: panel.curves.length - 1, place: -1 };
  const curve = Math.min(Math.max(now.curve + move[0], 0), panel.curves.length - 1);
  const place = Math.min(Math.max(now.place + move[1], 0), panel.curves[curve].points.length - 1);
  point(panel, { curve, place });
}

/* Switches */

function useExperiment(number) {
  state.experiment = number;
  state.hiddenArms.clear();
  state.hiddenSeeds.clear();
  const { arms } = experiment();
  const seeds = [...new Set(arms.flatMap(({ arm }) => data.arms[arm].seeds))].sort((a, b) => a - b);
  switches("arms", arms.map(({ name, colour }) => ({ key: name, text: name, colour })), state.hiddenArms);
  switches("seeds", [MEAN, ...seeds].map((seed) => ({ key: seed, text: seedName(seed) })), state.hiddenSeeds);
  update();
}

/* A button for each entry, and one for all of them: it hides them, or shows them where some are hidden. */
function switches(group, entries, hidden) {
  const showState = () => {
    all.setAttribute("aria-pressed", hidden.size === 0);
    buttons.forEach((made, number) => made.setAttribute("aria-pressed", !hidden.has(entries[number].key)));
    update();
  };
  const all = button({ text: `all ${group}` }, () => {
    const hide = hidden.size === 0;
    hidden.clear();
    if (hide) entries.filter(({ key }) => key !== MEAN).forEach(({ key }) => hidden.add(key));
    showState();
  });
  const buttons = entries.map((entry) => {
    return button(entry, () => {
      if (!hidden.delete(entry.key)) hidden.add(entry.key);
      showState();
    });
  });
  byId(group).replaceChildren(all, ...buttons);
}

function button({ text, colour = null }, pressed) {
  const made = document.createElement("button");
  made.type = "button";
  made.setAttribute("aria-pressed", true);
  if (colour !== null) {
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.setProperty("--colour", colour);
    made.append(swatch);
  }
  made.append(text);
  made.addEventListener("click", pressed);
  return made;
}

function update() {
  panels.forEach(draw);
  const arms = experiment().arms.length;
  byId("state").textContent = `${arms - state.hiddenArms.size} of ${arms} arms shown.`;
}

function start() {
  byId("experiment").append(...data.experiments.map(({ name }, number) => new Option(name, number)));
  byId("experiment").addEventListener("change", (event) => useExperiment(Number(event.target.value)));
  for (const radio of document.getElementsByName("axis")) {
    radio.addEventListener("change", () => {
      state.axis = radio.value;
      update();
    });
  }
  byId("controls").addEventListener("submit", (event) => event.preventDefault());
  useExperiment(0);
}

start();
