// An LSTM cell gate by gate. figure.js and descent.js stand before this file.

const GATES = [..."ifgo"]; // the order of the weights, as in torch.nn.LSTM
const squash = (z) => 1 / (1 + Math.exp(-z));

/** Every step's numbers: pre-activations z, gates i, f, g, o, cell c and output h. */
export function run({ weight_ih, weight_hh, bias, inputs }) {
  let c = 0, h = 0;
  return inputs.map((x) => {
    const before = { h, c };
    const z = GATES.map((_, k) => weight_ih[k] * x + weight_hh[k] * h + bias[k]);
    const [i, f, g, o] = [squash(z[0]), squash(z[1]), Math.tanh(z[2]), squash(z[3])];
    c = f * c + i * g;
    h = o * Math.tanh(c);
    return { x, before, z, i, f, g, o, c, h };
  });
}

/** Of dc_t/dc_1, t = 1 … T: the product of the forget gates, and what goes through h. */
export function paths(state) {
  const steps = run(state), w = state.weight_hh;
  const slope = (c) => 1 - Math.tanh(c) ** 2;
  let direct = 1, dc = 1, dh = steps[0].o * slope(steps[0].c);
  return steps.map(({ before, i, f, g, o, c }, t) => {
    if (t) {
      const di = i * (1 - i) * w[0] * dh, df = f * (1 - f) * w[1] * dh;
      const dg = (1 - g * g) * w[2] * dh, d0 = o * (1 - o) * w[3] * dh;
      dc = f * dc + before.c * df + g * di + i * dg;
      dh = d0 * Math.tanh(c) + o * slope(c) * dc;
      direct *= f;
    }
    return { direct, hidden: dc - direct };
  });
}

const two = (value) => number(Number(value.toFixed(2)));
const three = (value) => value.toFixed(3).replace("-", "−");
const INDEX = [..."₀₁₂₃₄₅₆₇₈₉"];
const index = (t) => [...String(t)].map((digit) => INDEX[digit]).join("");
const part = (value) => (value < 0 ? ` − ${two(-value)}` : ` + ${two(value)}`);
const short = (value) => number(Number(value.toFixed(3)));
const percent = (value) => `${number(Number((100 * value).toFixed(1)))} %`;

const ROWS = [
  ["f", "forget gate", "σ(w x + u h + b)"], ["i", "input gate", "σ(w x + u h + b)"],
  ["g", "candidate", "tanh(w x + u h + b)"], ["c", "cell", "f · c + i · g"],
  ["o", "output gate", "σ(w x + u h + b)"], ["h", "output", "o · tanh c"],
];

/** The right side of a line's equation, with its numbers. */
function formula(name, state, now) {
  const { x, before, z } = now, k = GATES.indexOf(name);
  if (name === "c") {
    const written = `${short(now.i)} · ${short(Math.abs(now.g))}`;
    return `${short(now.f)} · ${short(before.c)} ${now.g < 0 ? "−" : "+"} ${written}`;
  }
  if (name === "h") return `${short(now.o)} · tanh ${short(now.c)}`;
  const by = (w, value) => `${two(Math.abs(w))} · ${two(value)}`;
  const sign = (w) => (w < 0 ? " − " : " + ");
  const [w, u] = [state.weight_ih[k], state.weight_hh[k]];
  const total = `${w < 0 ? "−" : ""}${by(w, x)}${sign(u)}${by(u, before.h)}${part(state.bias[k])}`;
  return `${name === "g" ? "tanh" : "σ"}(${total}) = ${name === "g" ? "tanh" : "σ"}(${two(z[k])})`;
}

/** What happened in the step, and what is left of the first one. */
export function explain(state, steps, ways) {
  const t = state.step;
  if (!t) {
    return ["Nothing has been read: c₀ = 0, h₀ = 0.",
      "In each line, w weighs the input, u the previous output, b is the bias. All three gates " +
        "and the candidate see the same two numbers, x and h."];
  }
  const now = steps[t - 1], { direct, hidden } = ways[t - 1];
  const kept = now.f * now.before.c, written = now.i * now.g;
  const lines = [
    `Step ${t} of ${steps.length}: x${index(t)}\u00a0=\u00a0${two(now.x)}, ` +
      `c${index(t)}\u00a0=\u00a0${three(now.c)}, h${index(t)}\u00a0=\u00a0${three(now.h)}`,
    `The forget gate keeps ${percent(now.f)} of c${index(t - 1)} = ${three(now.before.c)}, which is ` +
      `${three(kept)}. The input gate lets ${percent(now.i)} of the candidate ${three(now.g)} in: ` +
      `${three(written)}. The output gate shows ${percent(now.o)} of tanh c.`,
  ];
  if (t > 1) {
    lines.push(`∂c${index(t)}/∂c₁ = ${scientific(direct)} by the forget gates ` +
      `${hidden < 0 ? "−" : "+"} ${scientific(Math.abs(hidden))} through h.`);
  }
  return lines;
}

const ROW = 43, BAR_LEFT = 128, BAR_RIGHT = 284, PANEL_TOP = 4;
const LOWEST = -8.3;

function render({ model, el }) {
  const NAMES = ["weight_ih", "weight_hh", "bias", "inputs", "step"];
  const state = () => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
  const set = setter(model);
  const [presets, sequences] = [model.get("presets"), model.get("sequences")];
  const weights = (now) => JSON.stringify(NAMES.slice(0, 3).map((name) => now[name]));
  const given = state();
  const named = (from) => [["", "own"], ...Object.keys(from).map((name) => [name, name])];
  const preset = choice("Cell", named(presets), (name) => set({
    ...Object.fromEntries(NAMES.slice(0, 3).map((n) => [n, (presets[name] ?? given)[n]])) }));
  const sequence = choice("Inputs", named(sequences), (name) => {
    const inputs = sequences[name] ?? given.inputs;
    set({ step: Math.min(model.get("step"), inputs.length), inputs });
  });
  const change = (name, k, value) =>
    set({ [name]: model.get(name).map((old, i) => (i === k ? value : old)) });
  const biases = [["f", "Forget-gate bias"], ["i", "Input-gate bias"], ["g", "Candidate bias"],
    ["o", "Output-gate bias"]].map(([name, label]) => {
    const k = GATES.indexOf(name);
    return { k, ...slider(label, { min: -8, max: 8, step: 0.1 }, (value) => change("bias", k, value)) };
  });
  const place = () => Math.max(0, model.get("step") - 1);
  const input = slider("Input xₜ", { min: -2, max: 2, step: 0.1 },
    (value) => change("inputs", place(), value));
  const go = (to) => () => {
    const step = Math.max(0, Math.min(model.get("inputs").length, to(model.get("step"))));
    if (step !== model.get("step")) set({ step });
  };
  const buttons = {
    next: button("Next step", go((t) => t + 1)), back: button("Back", go((t) => t - 1)),
    end: button("To the end", go(() => Infinity)), over: button("Start over", go(() => 0)),
  };

  const panel = element("svg", { class: "gates", role: "img",
    viewBox: `0 0 ${WIDTH} ${PANEL_TOP + ROWS.length * ROW + 22}` });
  const trace = frame("Input x, cell c, output h", 110, "step t");
  const gradient = frame("Size of the two parts of ∂cₜ/∂c₁", 110, "step t");
  const status = element("div", { class: "figure-status", "aria-live": "polite" });
  const root = element(
    "div",
    { class: "course-figure descent lstm-cell", role: "group", "aria-label": model.get("alt") },
    element(
      "div", { class: "layout" },
      element("div", { class: "controls" },
        element("div", { class: "figure-inputs" }, preset.row, sequence.row),
        ...biases.map(({ row }) => row), input.row,
        element("div", { class: "figure-buttons" }, ...Object.values(buttons))),
      element("div", { class: "plots" }, panel, trace.svg, gradient.svg),
      element("div", { class: "words" }, status,
        element("p", { class: "figure-key" },
          "Squares, solid: c, and the product f₂ ⋯ fₜ. Disks, dashed: h, and what goes through h. " +
            "Gray bars: x. What lies below 10⁻⁸ is left out. The steps to come are drawn thin.")),
    ),
  );

  function drawGates(now, steps) {
    const current = steps[now.step - 1], t = now.step;
    const reach = Math.max(1, Math.ceil(Math.max(...steps.map(({ c }) => Math.abs(c)))));
    const zero = (BAR_LEFT + BAR_RIGHT) / 2;
    const across = (value) => zero + ((BAR_RIGHT - BAR_LEFT) / 2) * (value / reach);
    const bottom = PANEL_TOP + ROWS.length * ROW;
    panel.replaceChildren(
      ...[-reach, 0, reach].flatMap((value) => [
        // Short strokes at each bar only: long ones would cross the formulas.
        element("path", { class: value ? "limit" : "zero", d: ROWS.map((_, row) =>
          `M${across(value)} ${PANEL_TOP + ROW * row}v19`).join("") }),
        element("text", { x: across(value), y: bottom + 12, "text-anchor": "middle" }, number(value)),
      ]),
      ...ROWS.flatMap(([name, words, general], row) => {
        const y = PANEL_TOP + ROW * row, value = current?.[name];
        const made = [
          element("text", { class: "name", x: 2, y: y + 14 }, `${words} ${name}${t ? index(t) : ""}`),
          element("text", { class: "terms", x: 14, y: y + 32 },
            `= ${current ? formula(name, now, current) : general}`),
        ];
        if (!current) return made;
        const [from, to] = [across(Math.min(0, value)), across(Math.max(0, value))];
        return [
          ...made,
          element("rect", { class: `bar ${name}`, "data-value": value, x: from, y: y + 3,
            width: Math.max(1, to - from), height: 13 }),
          element("text", { class: "number", x: WIDTH - 2, y: y + 14, "text-anchor": "end" },
            three(value)),
        ];
      }),
    );
    panel.setAttribute("aria-label", current ?
      ROWS.map(([name, words]) => `${words} ${three(current[name])}`).join(", ") :
      "The six lines of a step, before the first one.");
  }

  const ticks = (count) => Array.from({ length: count }, (_, t) => [t + 1, String(t + 1)]);
  const square = ([x, y]) => element("rect", { class: "mark direct", x: x - 4, y: y - 4, width: 8,
    height: 8 });
  const disk = ([x, y]) => element("circle", { class: "mark other", cx: x, cy: y, r: 4.5 });
  /** A curve whose first `done` points are thick and marked. */
  const curve = (points, name, mark, done) => [
    element("path", { class: `curve coming ${name}`, d: line(points) }),
    element("path", { class: `curve ${name}`, d: line(points.slice(0, done)) }),
    ...points.slice(0, done).map(mark),
  ];
  const moment = (box, t) => (t ? [element("line", { class: "moment", x1: box.across(t),
    x2: box.across(t), y1: 0, y2: box.height })] : []);

  function drawTrace(now, steps) {
    const values = steps.flatMap(({ x, c, h }) => [x, c, h]);
    const [low, high] = [Math.min(-1, ...values), Math.max(1, ...values)];
    const [least, most] = [Math.ceil(low), Math.floor(high)], marks = [...new Set([least, 0, most])];
    trace.limits([0.4, steps.length + 0.6], [low - 0.15, high + 0.15], ticks(steps.length),
      marks.map((v) => [v, number(v)]));
    const at = (name) => steps.map((s, t) => [trace.across(t + 1), trace.up(s[name])]);
    trace.inside.replaceChildren(
      element("path", { class: "zero", d: line([[0, trace.up(0)], [INNER, trace.up(0)]]) }),
      ...moment(trace, now.step),
      ...steps.map(({ x }, t) => element("rect", { class: "given", x: trace.across(t + 0.75),
        width: trace.across(t + 1.25) - trace.across(t + 0.75), y: trace.up(Math.max(0, x)),
        height: Math.abs(trace.up(x) - trace.up(0)) })),
      ...curve(at("c"), "direct", square, now.step), ...curve(at("h"), "other", disk, now.step),
    );
    const last = steps.at(-1);
    trace.svg.setAttribute("aria-label", `Over ${steps.length} steps, c ends at ${three(last.c)} ` +
      `and h at ${three(last.h)}.`);
  }

  function drawGradient(now, ways) {
    const sizes = ways.flatMap(({ direct, hidden }) => [direct, Math.abs(hidden)]);
    const high = Math.max(0, Math.log10(Math.max(...sizes)));
    gradient.limits([0.4, ways.length + 0.6], [LOWEST, high + 0.5], ticks(ways.length),
      [0, -2, -4, -6, -8].map((n) => [n, n ? power(n) : "1"]));
    const at = (name) => ways.map((way, t) =>
      [gradient.across(t + 1), gradient.up(Math.log10(Math.abs(way[name]) || 1e-99))]);
    // Nothing goes through h before the second step.
    gradient.inside.replaceChildren(
      element("path", { class: "zero", d: line([[0, gradient.up(0)], [INNER, gradient.up(0)]]) }),
      ...moment(gradient, now.step),
      ...curve(at("direct"), "direct", square, now.step),
      ...curve(at("hidden").slice(1), "other", disk, Math.max(0, now.step - 1)),
    );
    const { direct, hidden } = ways.at(-1);
    gradient.svg.setAttribute("aria-label", `Of the derivative of c in step ${ways.length} by c in ` +
      `step 1, ${scientific(direct)} is the product of the forget gates and ${scientific(hidden)} ` +
      "goes through h.");
  }

  function update() {
    const now = state(), steps = run(now), ways = paths(now), last = steps.length;
    const cell = Object.keys(presets).find((name) => weights(presets[name]) === weights(now));
    const order = Object.keys(sequences).find((name) =>
      JSON.stringify(sequences[name]) === JSON.stringify(now.inputs));
    preset.select.value = cell ?? "";
    sequence.select.value = order ?? "";
    for (const { k, show } of biases) show(now.bias[k], two(now.bias[k]));
    input.show(now.inputs[place()], `x${index(place() + 1)} = ${two(now.inputs[place()])}`);
    // A disabled button would lose the focus of who presses it.
    for (const [name, off] of [["next", now.step === last], ["end", now.step === last],
      ["back", !now.step], ["over", !now.step]]) {
      buttons[name].setAttribute("aria-disabled", String(off));
    }
    drawGates(now, steps);
    drawTrace(now, steps);
    drawGradient(now, ways);
    status.replaceChildren(...explain(now, steps, ways).map((text, i) =>
      element("p", i ? {} : { class: "formula" }, text)));
  }

  return live(el, root, model, NAMES, update);
}

export default { render };
