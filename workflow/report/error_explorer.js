"use strict";

const MOST_CLASSES = 12; // of more, the most probable ones are listed
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

/* Numbers: base64, zlib, then bytes. */
async function unpacked(text) {
  const compressed = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([compressed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/* Runs are numbered through, the seeds of an arm one after another; teachers' runs apart. */
function numberRuns(arms) {
  let run = 0;
  for (const arm of arms) {
    arm.run = new Map(arm.seeds.map((seed) => [seed, run++]));
  }
  let teacherRun = 0;
  for (const place of data.teachers) {
    const arm = arms[place];
    arm.teacherRun = new Map(arm.seeds.map((seed) => [seed, teacherRun++]));
  }
  return { runs: run, teacherRuns: teacherRun };
}

const { runs, teacherRuns } = numberRuns(data.arms);
const state = { experiment: 0, arm: 0, rival: 0, seed: "majority", class: "all", kind: "repaired", image: null };
let answers, probabilities, gaps;

const experiment = () => data.experiments[state.experiment];
const role = (number) => experiment().arms[number];
/* An ensemble is one run of all seeds. */
const isEnsemble = (arm) => arm.seeds.includes(data.allSeeds);
const seedsShown = (arm) =>
  state.seed === "majority" || isEnsemble(arm) ? arm.seeds : arm.seeds.filter((seed) => seed === state.seed);
const answer = (image, run) => answers[image * runs + run];

/* By how many of the seeds shown the arm is oftener right on the image than wrong: 0 is no majority. */
function majority(image, arm) {
  const seeds = seedsShown(arm);
  const right = seeds.filter((seed) => answer(image, arm.run.get(seed)) === data.label[image]).length;
  return 2 * right - seeds.length;
}

function kindOf(image) {
  const [arm, rival] = [state.arm, state.rival].map((number) => majority(image, data.arms[role(number).arm]));
  if (arm === 0 || rival === 0) return "undecided";
  return arm > 0 ? (rival > 0 ? "right" : "repaired") : rival > 0 ? "broken" : "both";
}

/* Class probabilities of an arm at T = 1, mean over the seeds shown; null where it has none of them. */
function probabilitiesOf(image, arm) {
  return meanOver(seedsShown(arm), (seed, label) => {
    return probabilities[(image * data.classes.length + label) * runs + arm.run.get(seed)] / 255;
  });
}

/* The soft target at a temperature, mean over the seeds shown: softmax of the teacher's logits below their largest. */
function softTarget(image, teacher, temperature) {
  const seeds = seedsShown(teacher);
  const targets = seeds.map((seed) => {
    const weights = data.classes.map((_, label) => {
      const code = gaps[(image * data.classes.length + label) * teacherRuns + teacher.teacherRun.get(seed)];
      return Math.exp((-data.largestGap * (code / 255) ** 2) / temperature);
    });
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => weight / total);
  });
  return meanOver(seeds, (_, label, number) => targets[number][label]);
}

function meanOver(seeds, value) {
  if (seeds.length === 0) return null;
  return data.classes.map((_, label) => {
    return seeds.reduce((sum, seed, number) => sum + value(seed, label, number), 0) / seeds.length;
  });
}

/* Elements */

function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "style") for (const [key, entry] of Object.entries(value)) made.style.setProperty(key, entry);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

function fill(select, entries, chosen) {
  select.replaceChildren(...entries.map(([value, text]) => element("option", { value }, text)));
  select.value = String(chosen);
}

const place = (image) => ({
  "--left": (image % data.columns) * data.width,
  "--top": Math.floor(image / data.columns) * data.height,
});
const images = (count) => `${count.toLocaleString("en")} image${count === 1 ? "" : "s"}`;

/* Filters */

function useExperiment(number) {
  state.experiment = number;
  [state.arm, state.rival] = experiment().compared;
  useArms();
}

function useArms() {
  const names = experiment().arms.map((arm, number) => [number, arm.name]);
  fill(byId("arm"), names, state.arm);
  fill(byId("rival"), names, state.rival);
  const [arm, rival] = [role(state.arm), role(state.rival)].map((own) => data.arms[own.arm]);
  const both = (isEnsemble(arm) ? rival : arm).seeds.filter(
    (seed) => (isEnsemble(rival) || rival.run.has(seed)) && seed !== data.allSeeds,
  );
  if (!both.includes(state.seed)) state.seed = "majority";
  fill(byId("seed"), [["majority", "majority of seeds"], ...both.map((seed) => [seed, `seed ${seed}`])], state.seed);
  update();
}

/* Sort the images by kind and class, and show those that are asked for. */
function update() {
  const kinds = { right: [], repaired: [], broken: [], both: [], undecided: [] };
  data.label.forEach((_, image) => kinds[kindOf(image)].push(image));
  const ofClass = (label) => (image) => label === "all" || data.label[image] === label;
  for (const kind of ["repaired", "broken", "both", "undecided"]) {
    byId(kind).textContent = kinds[kind].filter(ofClass(state.class)).length.toLocaleString("en");
  }
  const found = kinds[state.kind];
  const perClass = data.classes.map((name, label) => [label, `${name} (${found.filter(ofClass(label)).length})`]);
  fill(byId("class"), [["all", `all (${found.length})`], ...perClass], state.class);
  const wanted = found.filter(ofClass(state.class)).sort((a, b) => data.image[a] - data.image[b]);
  const shown = wanted.filter((image) => image < data.shown);
  byId("count").textContent = sentence(wanted.length, wanted.length - shown.length);
  byId("images").replaceChildren(...shown.map(tile));
  select(shown.includes(state.image) ? state.image : (shown[0] ?? null));
}

function sentence(count, leftOut) {
  const [arm, rival] = [role(state.arm).name, role(state.rival).name];
  const what = {
    repaired: `${arm} is right, ${rival} is wrong`,
    broken: `${arm} is wrong, ${rival} is right`,
    both: `${arm} and ${rival} are both wrong`,
    undecided: `${arm} or ${rival} is undecided`,
  }[state.kind];
  const label = state.class === "all" ? "" : ` of class ${data.classes[state.class]}`;
  const seed = state.seed === "majority" ? "by the majority of seeds" : `seed ${state.seed}`;
  const rest = leftOut ? ` Of these, ${images(leftOut)} cannot be shown: the page would be too large.` : "";
  return `${count ? images(count) : "No image"}${label}: ${what} (${seed}).${rest}`;
}

function tile(image) {
  const said = [state.arm, state.rival].map((number) => {
    return `${role(number).name}: ${answersOf(image, data.arms[role(number).arm]).text}`;
  });
  const name = `Test image ${data.image[image]}, ${data.classes[data.label[image]]}; ${said.join("; ")}`;
  const made = element(
    "div",
    { class: "tile", role: "option", "aria-label": name, title: name, tabindex: -1, "aria-selected": false },
    element("span", { class: "picture", style: place(image) }),
  );
  made.dataset.image = image;
  made.addEventListener("click", () => select(image, true));
  return made;
}

/* The arm's answers over the seeds shown, most frequent first, as text and whether the first is right. */
function answersOf(image, arm) {
  const seeds = seedsShown(arm);
  if (seeds.length === 0) return { text: `no run with seed ${state.seed}`, counts: [] };
  const votes = new Map();
  for (const seed of seeds) {
    const label = answer(image, arm.run.get(seed));
    votes.set(label, (votes.get(label) ?? 0) + 1);
  }
  const counts = [...votes].sort((a, b) => b[1] - a[1]);
  const text = counts.map(([label, count]) => {
    return data.classes[label] + (seeds.length > 1 ? ` (${count} of ${seeds.length})` : "");
  });
  return { text: text.join(", "), counts: counts.map(([label], number) => ({ label, text: text[number] })) };
}

/* The chosen image */

function select(image, focus = false) {
  state.image = image;
  byId("detail").hidden = image === null;
  for (const made of byId("images").children) {
    const chosen = Number(made.dataset.image) === image;
    made.setAttribute("aria-selected", chosen);
    made.tabIndex = chosen ? 0 : -1;
    if (chosen && focus) made.focus();
  }
  if (image !== null) showDetail(image);
}

function showDetail(image) {
  const label = data.label[image];
  for (const [key, value] of Object.entries(place(image))) {
    byId("detail").querySelector(".picture").style.setProperty(key, value);
  }
  byId("title").textContent = `Test image ${data.image[image]}`;
  byId("truth").textContent = `True class: ${data.classes[label]}`;
  const columns = columnsOf(image);
  byId("columns").replaceChildren(
    element(
      "tr",
      {},
      element("th", { scope: "col" }, "class"),
      ...columns.map((column) => element("th", { scope: "col" }, swatch(column.colour), ` ${unbroken(column.name)}`)),
    ),
  );
  const { listed, rest } = likelyClasses(label, columns);
  byId("classes").replaceChildren(...listed.map((number) => classRow(number, number === label, columns)));
  byId("rest").textContent = rest;
  byId("answers").replaceChildren(...experiment().arms.map((arm) => answerRow(image, arm)));
}

/* The classes to list, in their order: the true one and the most probable ones; and words about the others. */
function likelyClasses(label, columns) {
  const highest = data.classes.map((_, number) => Math.max(...columns.map(({ values }) => values?.[number] ?? 0)));
  const ranked = [...highest.keys()].sort((a, b) => (b === label) - (a === label) || highest[b] - highest[a]);
  const listed = ranked.slice(0, MOST_CLASSES).sort((a, b) => a - b);
  const others = ranked.slice(MOST_CLASSES);
  if (others.length === 0) return { listed, rest: "" };
  const most = Math.max(1, Math.ceil(100 * highest[others[0]]));
  const rest = others.length === 1 ? "1 other class has" : `${others.length} other classes have`;
  return { listed, rest: `${rest} at most ${most} % in any column.` };
}

/* The two arms, the first's teacher where it is neither, and the soft target of the first that was distilled. */
function columnsOf(image) {
  const compared = [role(state.arm), role(state.rival)];
  const student = compared.find((arm) => arm.teacher !== null);
  const shown = [...compared];
  const teacher = experiment().arms.find((arm) => student && arm.arm === student.teacher);
  if (teacher && !shown.includes(teacher)) shown.push(teacher);
  const columns = shown.map(({ name, colour, arm }) => {
    return { name, colour, values: probabilitiesOf(image, data.arms[arm]) };
  });
  if (student) {
    const name = `soft target, T = ${student.temperature}`;
    columns.push({ name, colour: "var(--bar)", values: softTarget(image, data.arms[student.teacher], student.temperature) });
  }
  return columns;
}

const unbroken = (name) => name.replaceAll(" = ", "\u00a0=\u00a0");
const swatch = (colour) => element("span", { class: "swatch", style: { "--colour": colour } });

function classRow(label, isTrue, columns) {
  const cells = columns.map(({ values, colour }) => {
    if (values === null) return element("td", {}, "no run");
    const percent = 100 * values[label];
    const text = percent >= 0.5 || percent === 0 ? percent.toFixed(0) : "<1";
    return element("td", {}, element("span", { class: "value", style: { "--share": values[label], "--colour": colour } }, text));
  });
  const name = data.classes[label] + (isTrue ? " (true)" : "");
  return element("tr", isTrue ? { class: "true" } : {}, element("th", { scope: "row" }, name), ...cells);
}

function answerRow(image, { name, colour, arm }) {
  const { text, counts } = answersOf(image, data.arms[arm]);
  const cell = element("td", {}, counts.length ? "" : text);
  counts.forEach((count, number) => {
    const right = count.label === data.label[image];
    const shown = `${right ? "\u2713" : "\u2717"} ${count.text}`;
    cell.append(number ? ", " : "", element("span", { class: right ? "right" : "wrong" }, shown));
  });
  return element("tr", {}, element("th", { scope: "row" }, swatch(colour), ` ${unbroken(name)}`), cell);
}

/* Keyboard */

function step(key) {
  const tiles = [...byId("images").children];
  const columns = tiles.filter((made) => made.offsetTop === tiles[0].offsetTop).length;
  const now = tiles.findIndex((made) => Number(made.dataset.image) === state.image);
  const move = { ArrowRight: 1, j: 1, ArrowLeft: -1, k: -1, ArrowDown: columns, ArrowUp: -columns };
  const next = key === "Home" ? 0 : key === "End" ? tiles.length - 1 : now + move[key];
  if (tiles[next]) select(Number(tiles[next].dataset.image), true);
}

function listen() {
  byId("images").addEventListener("keydown", (event) => {
    if (["ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp", "Home", "End"].includes(event.key)) {
      event.preventDefault();
      step(event.key);
    }
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.tagName === "SELECT" || event.ctrlKey || event.metaKey || event.altKey;
    if (!typing && ["j", "k"].includes(event.key) && state.image !== null) step(event.key);
  });
  byId("experiment").addEventListener("change", (event) => useExperiment(Number(event.target.value)));
  byId("arm").addEventListener("change", (event) => compare("arm", "rival", Number(event.target.value)));
  byId("rival").addEventListener("change", (event) => compare("rival", "arm", Number(event.target.value)));
  byId("seed").addEventListener("change", ({ target: { value } }) => {
    state.seed = value === "majority" ? value : Number(value);
    update();
  });
  byId("class").addEventListener("change", ({ target: { value } }) => {
    state.class = value === "all" ? value : Number(value);
    update();
  });
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  for (const radio of document.getElementsByName("kind")) {
    radio.addEventListener("change", () => {
      state.kind = radio.value;
      update();
    });
  }
}

/* An arm is not compared with itself: the two change places. */
function compare(chosen, other, number) {
  if (state[other] === number) state[other] = state[chosen];
  state[chosen] = number;
  useArms();
}

async function start() {
  [answers, probabilities, gaps] = await Promise.all([data.answers, data.probabilities, data.gaps].map(unpacked));
  fill(byId("experiment"), data.experiments.map((entry, number) => [number, entry.name]), 0);
  listen();
  useExperiment(0);
}

start().catch((error) => {
  byId("count").textContent = `This page cannot be shown in this browser: ${error.message}. It needs one of 2023 or later.`;
  throw error;
});
