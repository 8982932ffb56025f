// Propagation on a small graph. figure.js stands before this file.

const MOST_STEPS = 200, WIDE = 460, HIGH = 330, EDGE = 18, NODE = 11;

/** For each node: itself and its neighbors. */
function neighborhoods({ sides, edges }) {
  const found = sides.map((_, i) => [i]);
  for (const [i, j] of edges) {
    found[i].push(j);
    found[j].push(i);
  }
  return found.map((nodes) => nodes.sort((a, b) => a - b));
}

/** The factor of the message to i from j; d counts a node itself, too. */
const factor = (rule, d, i, j) => (rule === "mean" ? 1 / d[i] : 1 / Math.sqrt(d[i] * d[j]));

/** What the nodes hold after so many steps, and before the last of them. */
export function propagate(state) {
  const around = neighborhoods(state), d = around.map((nodes) => nodes.length);
  let now = state.sides.map((_, i) => (i === state.sources[0]) - (i === state.sources[1]));
  let before = now;
  for (let step = 0; step < state.steps; step++) {
    before = now;
    now = around.map((nodes, i) =>
      nodes.reduce((sum, j) => sum + factor(state.rule, d, i, j) * before[j], 0));
  }
  return { now, before, around, d };
}

/** As the view shows it: without what all nodes share in the end, or with it. */
export function shown(state, { now, d }) {
  if (state.view === "all") return now;
  const common = d.map((degree) => (state.rule === "mean" ? 1 : Math.sqrt(degree)));
  const weight = d.map((degree, i) => (state.rule === "mean" ? degree : common[i]));
  const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const share = dot(weight, now) / dot(weight, common);
  return now.map((value, i) => value - share * common[i]);
}

const SMALL = 1e-13;
const sign = (value) => (value > SMALL ? 1 : value < -SMALL ? -1 : 0);

/** How many nodes have the sign of their side's source. */
export function right({ sides, sources }, values) {
  const plus = sides[sources[0]];
  return values.filter((value, i) => sign(value) === (sides[i] === plus ? 1 : -1)).length;
}

const two = (value) => (sign(value) ? number(Number(value.toPrecision(2))) : "0");

function explain(state, found, values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const done = `${state.steps} propagation${state.steps === 1 ? "" : "s"}`;
  const lines = [
    `${done}: ${right(state, values)} of ${values.length} signs right`,
    state.view === "all" ? `Numbers from ${two(low)} to ${two(high)}.` :
      `What is not shared by all: from ${two(low)} to ${two(high)}, drawn as large as ever.`,
  ];
  const i = state.chosen, held = found.now[i];
  if (!state.steps) {
    lines.push(`Node ${i} holds ${two(held)}.`);
    return lines;
  }
  const terms = found.around[i].map((j) => ({
    j, value: factor(state.rule, found.d, i, j) * found.before[j] }));
  const sent = terms.filter(({ value }) => sign(value))
    .sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  const told = sent.slice(0, 4).map(({ j, value }) =>
    `${two(value)} from ${j === i ? "itself" : `node ${j}`}`);
  const more = sent.length > 4 ? `, and ${sent.length - 4} smaller ones` : "";
  lines.push(sent.length ? `Node ${i} holds ${two(held)}: ${told.join(", ")}${more}.` :
    `Node ${i} holds 0: nothing has reached it yet.`);
  return lines;
}

function render({ model, el }) {
  const NAMES = ["edges", "places", "sides", "sources", "steps", "rule", "view", "chosen"];
  const state = () => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
  const set = setter(model);
  const go = (more) => () =>
    set({ steps: Math.max(0, Math.min(MOST_STEPS, model.get("steps") + more)) });
  const buttons = {
    step: button("Propagate", go(1)),
    ten: button("Ten times", go(10)),
    back: button("Back", go(-1)),
    over: button("Start over", () => set({ steps: 0 })),
  };
  const rule = choice("Weights", [["gcn", "1/√(dᵢ dⱼ), GCN"], ["mean", "1/dᵢ, mean"]],
    (value) => set({ rule: value }));
  const view = choice("Show", [["all", "the numbers"], ["rest", "what is not shared"]],
    (value) => set({ view: value }));

  const drawing = element("svg", {
    class: "network", viewBox: `0 0 ${WIDE} ${HIGH}`, tabindex: 0, role: "application",
    "aria-roledescription": "graph" });
  const moves = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };
  drawing.addEventListener("keydown", (event) => {
    if (!(event.key in moves)) return;
    const n = model.get("sides").length;
    set({ chosen: (model.get("chosen") + moves[event.key] + n) % n });
    event.preventDefault();
  });
  drawing.addEventListener("click", (event) => {
    const node = event.target.closest?.("[data-node]")?.getAttribute("data-node");
    if (node) set({ chosen: Number(node) });
  });
  const status = element("div", { class: "figure-status", "aria-live": "polite" });
  const root = element(
    "div", { class: "course-figure message-passing", role: "group", "aria-label": model.get("alt") },
    element("div", { class: "plots" }, drawing),
    element("div", { class: "figure-panel" },
      element("div", { class: "figure-buttons" }, ...Object.values(buttons)),
      element("div", { class: "figure-inputs" }, rule.row, view.row),
      status,
      element("p", { class: "figure-key" },
        "Squares went with the instructor, circles with the president. Filled: positive, hollow: " +
          "negative; the area is the number, the largest of all fills its node. Click on a node, or " +
          "use the arrow keys, to hear what it was told; the thick lines are its friendships.")),
  );

  const places = model.get("places");
  const range = (axis) => {
    const all = places.map((place) => place[axis]);
    return [Math.min(...all), Math.max(...all) - Math.min(...all) || 1];
  };
  const [[left, width], [bottom, height]] = [range(0), range(1)];
  const at = places.map(([x, y]) => [
    EDGE + ((x - left) / width) * (WIDE - 2 * EDGE),
    HIGH - EDGE - ((y - bottom) / height) * (HIGH - 2 * EDGE)]);

  function shape(side, [x, y], size, name) {
    return side ? element("circle", { cx: x, cy: y, r: size, class: name }) :
      element("rect", {
        x: x - size * 0.886, y: y - size * 0.886, width: size * 1.772, height: size * 1.772,
        class: name });
  }

  function update() {
    const now = state(), found = propagate(now), values = shown(now, found);
    rule.select.value = now.rule;
    view.select.value = now.view;
    buttons.back.disabled = now.steps === 0;
    const largest = Math.max(...values.map(Math.abs)) || 1;
    const touches = (edge) => edge.includes(now.chosen);
    drawing.replaceChildren(
      ...now.edges.map(([i, j]) => element("line", {
        x1: at[i][0], y1: at[i][1], x2: at[j][0], y2: at[j][1],
        class: touches([i, j]) ? "own edge" : "edge" })),
      ...values.map((value, i) => {
        const size = NODE * Math.sqrt(Math.abs(value) / largest) * 0.9;
        const inner = sign(value) === 0 ? [] :
          [shape(now.sides[i], at[i], size, value > 0 ? "plus" : "minus")];
        const letter = { [now.sources[0]]: "I", [now.sources[1]]: "P" }[i];
        return element("g", { "data-node": i },
          shape(now.sides[i], at[i], NODE, i === now.chosen ? "outline chosen" : "outline"),
          ...inner,
          ...(letter ? [element("text", {
            x: at[i][0], y: at[i][1] - NODE - 4, "text-anchor": "middle" }, letter)] : []));
      }));
    const lines = explain(now, found, values);
    drawing.setAttribute("aria-label", `${now.sides.length} nodes; node ${now.chosen} is chosen`);
    status.replaceChildren(...lines.map((text, i) =>
      element("p", i ? {} : { class: "formula" }, text)));
  }

  return live(el, root, model, NAMES, update);
}

export default { render };
