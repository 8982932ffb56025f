// Activation functions: value, slope, and what they do to a crowd of pre-activations. figure.js and
// descent.js, which has the coordinate boxes, stand before this file.

const sigmoid = (x) => 1 / (1 + Math.exp(-x));

/** The error function by its series of positive terms: exact to rounding. */
function erf(x) {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x, sum = x;
  for (let k = 1; Math.abs(term) > 1e-17 * Math.abs(sum); k++) {
    term *= (2 * x * x) / (2 * k + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

const normal = (x) => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
const Phi = (x) => (1 + erf(x / Math.SQRT2)) / 2;

// Each function of x and its shape (a slope, an α), with its derivative; `rests` if it has an upper
// limit. A test compares them with course_utils.layers.
const FUNCTIONS = {
  threshold: {
    name: "threshold", rests: true,
    value: (x) => (x > 0 ? 1 : 0),
    slope: () => 0, // also at 0, where there is none
  },
  sigmoid: {
    name: "sigmoid", rests: true,
    value: sigmoid,
    slope: (x) => sigmoid(x) * sigmoid(-x),
  },
  tanh: {
    name: "tanh", rests: true,
    value: Math.tanh,
    slope: (x) => 1 - Math.tanh(x) ** 2,
  },
  relu: {
    name: "ReLU",
    value: (x) => Math.max(0, x),
    slope: (x) => (x > 0 ? 1 : 0),
  },
  leaky: {
    name: "leaky ReLU", shape: "negative_slope",
    value: (x, a) => (x > 0 ? x : a * x),
    slope: (x, a) => (x > 0 ? 1 : a),
  },
  elu: {
    name: "ELU", shape: "alpha",
    value: (x, a) => (x > 0 ? x : a * Math.expm1(x)),
    slope: (x, a) => (x > 0 ? 1 : a * Math.exp(x)),
  },
  gelu: {
    name: "GELU",
    value: (x) => x * Phi(x),
    slope: (x) => Phi(x) + x * normal(x),
  },
  silu: {
    name: "SiLU",
    value: (x) => x * sigmoid(x),
    slope: (x) => sigmoid(x) * (1 + x * sigmoid(-x)),
  },
  softplus: {
    name: "softplus",
    value: (x) => Math.max(0, x) + Math.log1p(Math.exp(-Math.abs(x))),
    slope: sigmoid,
  },
};

/** The chosen function and its derivative. */
export function activation(settings) {
  const { value, slope, shape } = FUNCTIONS[settings.kind];
  return { f: (x) => value(x, settings[shape]), df: (x) => slope(x, settings[shape]) };
}

const SATURATED = 0.1, STRIPS = 12000;

/** What is drawn of the outputs, with the width of a bin that begins at 0, and ticks. */
const outputs = (kind) => (FUNCTIONS[kind].rests ?
  { low: -1.25, high: 1.25, bin: 0.05, ticks: [-1, 0, 1] } :
  { low: -2.2, high: 6, bin: 0.2, ticks: [-2, 0, 2, 4, 6] });

/**
 * What a crowd of units does whose pre-activations are normal: the share that is saturated, the
 * share that is off (output and slope are 0), and the shares of the outputs in bins.
 */
export function crowd(settings) {
  const { f, df } = activation(settings);
  const { low, high, bin } = outputs(settings.kind);
  const bins = new Array(Math.round((high - low) / bin)).fill(0);
  const width = 12 / STRIPS; // the density is cut into strips, up to six standard deviations away
  let saturated = 0, off = 0;
  for (let i = 0; i < STRIPS; i++) {
    const z = -6 + width * (i + 0.5);
    const x = settings.mean + settings.std * z;
    const share = width * normal(z), y = f(x), slope = df(x);
    if (Math.abs(slope) < SATURATED) saturated += share;
    if (y === 0 && slope === 0) off += share;
    const place = Math.floor((y - low) / bin + 1e-9);
    if (place in bins) bins[place] += share;
  }
  return { saturated, off, bins };
}

const REACH = 6; // of the axes of x
const places = Array.from({ length: 601 }, (_, i) => -REACH + (2 * REACH * i) / 600);
const ticks = (values) => values.map((value) => [value, number(value)]);
const percent = (share) => `${number(Number((100 * share).toFixed(1)))} %`;
const superscript = (n) => [...String(n)].map((c) => SUPERSCRIPTS[c]).join("");

/** The function, its tangent, and the point. */
function drawFunction(box, plot, handle, { x, kind }, { f, df }) {
  const { low, high, ticks: marks } = outputs(kind);
  box.limits([-REACH, REACH], [low, high], ticks([-6, -3, 0, 3, 6]), ticks(marks));
  const at = ([p, y]) => [box.across(p), box.up(y)];
  const tangent = [-REACH, REACH].map((p) => [p, f(x) + df(x) * (p - x)]);
  handle.setAttribute("cx", box.across(x));
  handle.setAttribute("cy", box.up(f(x)));
  plot.replaceChildren(
    ...axes(box),
    element("path", { class: "tangent", d: line(tangent.map(at)) }),
    element("path", { class: "curve", d: line(places.map((p) => at([p, f(p)]))) }),
    element("circle", { class: "point", cx: box.across(x), cy: box.up(f(x)), r: 6 }),
  );
  box.svg.setAttribute("aria-label",
    `Point on the ${FUNCTIONS[kind].name} at x = ${number(x)}: value ${number(f(x))}, ` +
      `slope ${number(df(x))}.`);
}

/** The slope, and the band in which a unit counts as saturated. */
function drawSlope(box, { x }, { df }) {
  const top = Math.max(1.2, 1.1 * Math.max(...places.map(df)));
  box.limits([-REACH, REACH], [-0.25, top], ticks([-6, -3, 0, 3, 6]),
    ticks([0, 0.5, 1, 1.5, 2].filter((t) => t < top)));
  const [above, below] = [SATURATED, -SATURATED].map(box.up);
  box.inside.replaceChildren(
    element("rect", { class: "band", x: 0, y: above, width: INNER, height: below - above }),
    ...axes(box),
    element("path", { class: "curve", d: line(places.map((p) => [box.across(p), box.up(df(p))])) }),
    element("circle", { class: "point", cx: box.across(x), cy: box.up(df(x)), r: 6 }),
  );
  box.svg.setAttribute("aria-label", `Slope against x, ${number(df(x))} at the point.`);
}

/** The density of the pre-activations, filled where the unit is saturated. */
function drawCrowd(box, { mean, std }, { df }, { saturated }) {
  const density = (p) => normal((p - mean) / std);
  box.limits([-REACH, REACH], [0, 0.44], ticks([-6, -3, 0, 3, 6]), []);
  const at = (p) => [box.across(p), box.up(density(p))];
  const pieces = places.slice(1).flatMap((p, i) =>
    (Math.abs(df((p + places[i]) / 2)) < SATURATED ? [[places[i], p]] : []));
  box.inside.replaceChildren(
    element("path", { class: "filled", d: pieces.map(([from, to]) =>
      `${line([[box.across(from), box.height], at(from), at(to), [box.across(to), box.height]])}Z`)
      .join("") }),
    element("path", { class: "curve", d: line(places.map(at)) }),
  );
  box.svg.setAttribute("aria-label", `Density of the pre-activations, ${percent(saturated)} filled.`);
}

/** The histogram of the outputs. */
function drawOutputs(box, { kind }, { bins }) {
  const { low, high, bin, ticks: marks } = outputs(kind);
  const most = Math.max(...bins), mode = low + bin * bins.indexOf(most);
  box.limits([low, high], [0, 1.08 * most], ticks(marks),
    [[most, `${Math.round(100 * most)} %`]]);
  box.inside.replaceChildren(...bins.map((share, i) => element("rect", {
    class: "bar", x: box.across(low + bin * i), width: INNER / bins.length,
    y: box.up(share), height: Math.max(0, box.height - box.up(share)) })));
  box.svg.setAttribute("aria-label", `Histogram of the outputs: the tallest bar has ` +
    `${percent(most)}, from ${number(mode)} to ${number(mode + bin)}.`);
}

/** The product of equal slopes, layer by layer, on a logarithmic axis. */
function drawStack(box, { depth, x }, { df }) {
  const slope = Math.abs(df(x));
  box.limits([0, depth + 0.5], [-12.5, 2.5],
    ticks([1, Math.ceil(depth / 2), depth].filter((n, i, all) => all.indexOf(n) === i)),
    [0, -4, -8, -12].map((n) => [n, n ? power(n) : "1"]));
  const products = Array.from({ length: depth }, (_, k) => (k + 1) * Math.log10(slope));
  box.inside.replaceChildren(
    element("path", { class: "axis", d: line([[0, box.up(0)], [INNER, box.up(0)]]) }),
    ...products.flatMap((product, k) => (product > -13 ? [element("circle", {
      class: "dot", cx: box.across(k + 1), cy: box.up(product), r: 4 })] : [])),
    ...(slope ? [] : [element("text", { x: INNER / 2, y: box.up(-6), "text-anchor": "middle" },
      "0 at every depth")]),
  );
  box.svg.setAttribute("aria-label",
    `Size of the product of the slopes, ${scientific(slope ** depth)} after ${depth} layers.`);
}

const axes = (box) => [
  element("path", { class: "axis", d: line([[0, box.up(0)], [INNER, box.up(0)]]) }),
  element("path", { class: "axis", d: line([[box.across(0), 0], [box.across(0), box.height]]) }),
];

const NAMES = ["kind", "negative_slope", "alpha", "x", "mean", "std", "depth"];

function render({ model, el }) {
  const settings = () => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
  const set = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  const move = (x) => set("x", Math.max(-REACH, Math.min(REACH, Math.round(10 * x) / 10)));

  const kind = element("select", {}, ...Object.entries(FUNCTIONS).map(([value, { name }]) =>
    element("option", { value }, name)));
  kind.addEventListener("change", () => set("kind", kind.value));
  const sliders = {
    negative_slope: slider("Slope on the left", { min: 0, max: 0.5, step: 0.01 },
      (v) => set("negative_slope", v)),
    alpha: slider("α", { min: 0.1, max: 2, step: 0.1 }, (v) => set("alpha", v)),
    x: slider("Point x", { min: -REACH, max: REACH, step: 0.1 }, move),
    mean: slider("Mean", { min: -4, max: 4, step: 0.1 }, (v) => set("mean", v)),
    std: slider("Standard deviation", { min: 0.1, max: 4, step: 0.1 }, (v) => set("std", v)),
    depth: slider("Layers n", { min: 1, max: 50, step: 1 }, (v) => set("depth", v)),
  };
  const boxes = {
    value: frame("f(x) and its tangent", 150, ""),
    slope: frame("Slope f′(x)", 100, ""),
    crowd: frame("Density of the pre-activations", 55, "input x"),
    outputs: frame("Histogram of the outputs", 80, "output f(x)"),
    stack: frame("Product of the slopes |f′(x)|ⁿ", 100, "layers n"),
  };
  // The handle stays where it is while the plot under it is drawn anew, or it would lose the finger.
  const handle = element("circle", { class: "handle", r: 18 }), plot = element("g", {});
  boxes.value.inside.append(plot, handle);

  const words = element("div", { class: "figure-status", "aria-live": "polite" });
  const root = element(
    "div", { class: "course-figure descent activation", role: "group", "aria-label": model.get("alt") },
    element(
      "div", { class: "layout" },
      element("div", { class: "controls" },
        element("div", { class: "figure-inputs" }, element("label", {}, "Function", kind)),
        ...Object.values(sliders).map(({ row }) => row)),
      element("div", { class: "plots" },
        boxes.value.svg, boxes.slope.svg, boxes.crowd.svg, boxes.outputs.svg),
      element("div", { class: "words" }, words, boxes.stack.svg),
    ),
    element("p", { class: "figure-key" },
      "Dashed: the tangent. Shaded band, filled density: saturated, |f′| < 0.1. " +
        "Mean and standard deviation belong to the pre-activations. Keys in the upper picture: ← →."),
  );

  function update() {
    const now = settings(), chosen = activation(now);
    const { x, mean, std, depth } = now;
    const [y, slope] = [chosen.f(x), chosen.df(x)];
    const found = crowd(now);
    kind.value = now.kind;
    for (const [name, { row, show }] of Object.entries(sliders)) {
      show(now[name], number(now[name]));
      row.hidden = ["negative_slope", "alpha"].includes(name) && FUNCTIONS[now.kind].shape !== name;
    }
    drawFunction(boxes.value, plot, handle, now, chosen);
    drawSlope(boxes.slope, now, chosen);
    drawCrowd(boxes.crowd, now, chosen, found);
    drawOutputs(boxes.outputs, now, found);
    drawStack(boxes.stack, now, chosen);
    const sign = x < 0 ? "+" : "−";
    words.replaceChildren(
      element("p", { class: "formula" },
        `f(${number(x)}) = ${scientific(y)}, f′(${number(x)}) = ${scientific(slope)}`),
      element("p", {},
        `Tangent: y = ${scientific(y)} ${slope < 0 ? "−" : "+"} ${scientific(Math.abs(slope))} ` +
          `(x ${sign} ${number(Math.abs(x))})`),
      element("p", {},
        `Of pre-activations with mean ${number(mean)} and standard deviation ${number(std)}, ` +
          `${percent(found.saturated)} are saturated; ${percent(found.off)} are off, with output ` +
          "and slope exactly 0."),
      element("p", {}, `A gradient that passes ${depth} such slopes is multiplied by ` +
        `f′(x)${superscript(depth)} = ${scientific(slope ** depth)}.`),
    );
  }

  const end = live(el, root, model, NAMES, update);
  movable(boxes.value, handle, move, (right) => move(model.get("x") + 0.1 * right));
  return end;
}

export default { render };
