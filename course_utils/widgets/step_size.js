// The step of a difference quotient: what it does to the secant, and to the error. figure.js stands
// before this file in the module.

// Each function in arithmetic that rounds every result with r, its slope without rounding, and the
// place where the slope is asked for. step_size.py has the same; a test compares the two.
const FUNCTIONS = {
  tanh3: {
    name: "tanh³ x at 0.7", at: 0.7,
    value: (x, r) => { const t = r(Math.tanh(x)); return r(r(t * t) * t); },
    slope: (x) => 3 * Math.tanh(x) ** 2 * (1 - Math.tanh(x) ** 2),
  },
  square: {
    name: "x² at 0.7", at: 0.7,
    value: (x, r) => r(x * x),
    slope: (x) => 2 * x,
  },
  offset: {
    name: "1000 + sin x at 0.7", at: 0.7,
    value: (x, r) => r(1000 + r(Math.sin(x))),
    slope: (x) => Math.cos(x),
  },
  relu: {
    name: "ReLU(x) at 0.001", at: 0.001,
    value: (x) => Math.max(0, x),
    slope: (x) => (x > 0 ? 1 : 0),
  },
};
const PRECISIONS = { float64: ["double", (x) => x], float32: ["single", Math.fround] };
const FORMULAS = { central: "central", forward: "one-sided" };
const SMALLEST = -15, LARGEST = 0, TICK = 0.1;

/** The difference quotient, every operation rounded, its exact value and its error. */
export function measure({ kind, precision, formula, exponent }) {
  const { at, value, slope } = FUNCTIONS[kind];
  const r = PRECISIONS[precision][1];
  const x = r(at);
  const h = r(10 ** exponent);
  const [left, right] = [formula === "central" ? r(x - h) : x, r(x + h)];
  const rise = r(value(right, r) - value(left, r));
  const quotient = r(rise / (formula === "central" ? r(2 * h) : h));
  return { x, h, left, right, quotient, exact: slope(x), error: Math.abs(quotient - slope(x)) };
}

/** The exponents at which the error curve is drawn, each a place of the slider. */
export const exponents = Array.from(
  { length: Math.round((LARGEST - SMALLEST) / TICK) + 1 },
  (_, i) => Math.round(10 * (SMALLEST + i * TICK)) / 10,
);

const SUPERSCRIPTS = { "-": "⁻", ...Object.fromEntries([..."⁰¹²³⁴⁵⁶⁷⁸⁹"].map((s, i) => [i, s])) };
const power = (n) => `10${[...String(n)].map((c) => SUPERSCRIPTS[c]).join("")}`;

/** 0.00000234 as 2.3 · 10⁻⁶. */
function scientific(value) {
  if (!value) return "0";
  const [mantissa, exponent] = value.toExponential(1).split("e");
  return `${mantissa} · ${power(Number(exponent))}`;
}

/** Mean error of the steps around this one, because rounding errors jump. */
function typical(settings) {
  const errors = [-0.2, -0.1, 0, 0.1, 0.2].map((d) =>
    measure({ ...settings, exponent: settings.exponent + d }).error);
  return errors.reduce((sum, e) => sum + e, 0) / errors.length;
}

/** What there is to see at this step. */
export function explain(settings) {
  const { x, h, left, right, quotient, exact, error } = measure(settings);
  const central = settings.formula === "central";
  if (right === left) return "The step is so small that adding it to x changes nothing.";
  if (settings.kind === "relu" && error && h > x) {
    return central ?
      "The step reaches across the kink at 0: the quotient mixes two slopes." :
      "Only rounding is at work: on this side the line is straight.";
  }
  if (!error) return "Not a digit is wrong.";
  if (error > 0.5 * Math.abs(exact) && h < 1e-3) {
    return "Nearly nothing is left of the difference but rounding.";
  }
  const { exponent } = settings;
  return typical({ ...settings, exponent: exponent + 0.5 }) <
    typical({ ...settings, exponent: exponent - 0.5 }) ?
    "Rounding is at work: a larger step has the smaller error." :
    "Curvature is at work: a smaller step has the smaller error.";
}

const WIDTH = 340, LEFT = 52, TOP = 24, INNER = 276;

/** A coordinate box with a title; `draw` fills its group. */
function panel(title, height, label) {
  const plot = element("g", {});
  const svg = element(
    "svg", { viewBox: `0 0 ${WIDTH} ${height + 62}`, role: "img" },
    element("text", { x: 4, y: 14, class: "name" }, title),
    element("rect", { x: LEFT, y: TOP, width: INNER, height, class: "frame" }),
    plot,
    element("text", { x: LEFT + INNER / 2, y: TOP + height + 34, "text-anchor": "middle" }, label),
  );
  return { svg, plot, height };
}

const path = (points) => points.map(([x, y], i) => `${i ? "L" : "M"}${x} ${y}`).join("");

/** The function between x − 2h and x + 2h, its tangent, and the secant of the quotient. */
function drawSecant({ plot, svg, height }, settings) {
  const { x, h, left, right, quotient, exact } = measure(settings);
  const r = PRECISIONS[settings.precision][1];
  const { value } = FUNCTIONS[settings.kind];
  const places = Array.from({ length: 401 }, (_, i) => r(x - 2 * h + (i / 100) * h));
  const middle = value(x, r);
  // Rises are drawn relative to the value at x, which may be large.
  const rises = places.map((p) => value(p, r) - middle);
  const top = 1.15 * Math.max(...rises.map(Math.abs), Math.abs(2 * h * exact)) || h;
  const across = (p) => LEFT + INNER * (0.5 + (p - x) / (4 * h));
  const up = (rise) => TOP + height * (0.5 - rise / (2 * top));
  const start = value(left, r) - middle;
  // The secant goes through its left point with the slope of the quotient.
  const secant = [-2, 2].map((k) => [
    LEFT + INNER * (0.5 + k / 4), up(start + quotient * (x + k * h - left)),
  ]);
  const ends = [left, right].map((p) =>
    element("circle", { cx: across(p), cy: up(value(p, r) - middle), r: 5, class: "end" }));
  const clip = `${plot.ownerDocument.querySelectorAll("clipPath").length}-step-size`;
  const id = plot.dataset.clip ?? (plot.dataset.clip = clip);
  plot.replaceChildren(
    element("clipPath", { id }, element("rect", { x: LEFT, y: TOP, width: INNER, height })),
    element(
      "g", { "clip-path": `url(#${id})` },
      element("path", { class: "tangent", d: path([-2, 2].map((k) => [
        LEFT + INNER * (0.5 + k / 4), up(k * h * exact)])) }),
      element("path", { class: "secant", d: path(secant) }),
      element("path", { class: "curve", d: path(places.map((p, i) => [
        LEFT + INNER * (i / 400), up(rises[i])])) }),
      ...ends,
    ),
    ...[["x − 2h", -2], ["x", 0], ["x + 2h", 2]].map(([text, k]) => element("text", {
      x: LEFT + INNER * (0.5 + k / 4), y: TOP + height + 16,
      "text-anchor": k < 0 ? "start" : k ? "end" : "middle",
    }, text)),
  );
  svg.setAttribute(
    "aria-label",
    `The function near x. The secant has slope ${number(quotient)}, the tangent ${number(exact)}.`,
  );
}

/** Error against step, both axes logarithmic, with the chosen step marked. */
function drawErrors({ plot, svg, height }, settings) {
  const low = -17, high = 1;
  const across = (e) => LEFT + (INNER * (e - SMALLEST)) / (LARGEST - SMALLEST);
  // An error of 0 lies on the floor.
  const up = (error) => {
    const e = Math.min(high, Math.max(low, error ? Math.log10(error) : low));
    return TOP + (height * (high - e)) / (high - low);
  };
  const dots = (formula) => exponents.map((exponent) => {
    const [x, y] = [across(exponent), up(measure({ ...settings, formula, exponent }).error)];
    return formula === "central" ?
      `M${x - 2} ${y}a2 2 0 1 0 4 0a2 2 0 1 0 -4 0` : `M${x - 2.5} ${y - 2.5}l5 5m0 -5l-5 5`;
  }).join("");
  const { error } = measure(settings);
  const grid = [-15, -10, -5, 0].map((e) => [across(e), power(e)]);
  const rows = [-15, -10, -5, 0].map((e) => [up(10 ** e), power(e)]);
  const chosen = (formula) => (settings.formula === formula ? " chosen" : "");
  plot.replaceChildren(
    ...grid.map(([x]) => element("line", {
      class: "grid", x1: x, x2: x, y1: TOP, y2: TOP + height })),
    ...rows.map(([y]) => element("line", {
      class: "grid", x1: LEFT, x2: LEFT + INNER, y1: y, y2: y })),
    element("path", { class: `dots forward${chosen("forward")}`, d: dots("forward") }),
    element("path", { class: `dots central${chosen("central")}`, d: dots("central") }),
    element("line", { class: "now", x1: across(settings.exponent), x2: across(settings.exponent),
      y1: TOP, y2: TOP + height }),
    element("circle", { class: "now", cx: across(settings.exponent), cy: up(error), r: 7 }),
    ...grid.map(([x, text]) => element("text", {
      x, y: TOP + height + 16, "text-anchor": "middle" }, text)),
    ...rows.map(([y, text]) => element("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end" }, text)),
  );
  svg.setAttribute(
    "aria-label",
    `Error against step. At ${power(settings.exponent)} the error is ${scientific(error)}.`,
  );
}

function render({ model, el }) {
  const NAMES = ["kind", "precision", "formula", "exponent"];
  const settings = () => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
  const change = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  const choice = (label, name, options) => {
    const select = element("select", {}, ...Object.entries(options).map(([value, text]) =>
      element("option", { value }, text)));
    select.addEventListener("change", () => change(name, select.value));
    return { name, control: select, label: element("label", {}, label, select) };
  };
  const choices = [
    choice("Function", "kind", Object.fromEntries(
      Object.entries(FUNCTIONS).map(([key, f]) => [key, f.name]))),
    choice("Precision", "precision", Object.fromEntries(
      Object.entries(PRECISIONS).map(([key, [name]]) => [key, name]))),
    choice("Quotient", "formula", FORMULAS),
  ];
  const slider = element("input", { type: "range", min: SMALLEST, max: LARGEST, step: TICK });
  slider.addEventListener("input", () => change("exponent", slider.valueAsNumber));
  const best = element("button", { type: "button" }, "Best step");
  best.addEventListener("click", () => {
    const errors = exponents.map((exponent) => typical({ ...settings(), exponent }));
    change("exponent", exponents[errors.indexOf(Math.min(...errors))]);
  });

  const status = element("div", { class: "figure-status", "aria-live": "polite" });
  const secant = panel("Function and secant", 150, "");
  const errors = panel("Error of the quotient", 170, "step h");
  const root = element(
    "div", { class: "course-figure step-size", role: "group", "aria-label": model.get("alt") },
    element(
      "div", { class: "figure-panel" },
      element("div", { class: "figure-inputs" }, ...choices.map(({ label }) => label)),
      element("label", { class: "slider" }, "Step h", slider),
      element("div", { class: "figure-buttons" }, best),
      status,
      element(
        "p", { class: "figure-key" },
        "Above: the function (thin), its tangent (dashed) and the secant (thick), under a magnifying " +
          "glass as wide as 4h. Below: dots for the central quotient, crosses for the one-sided. " +
          "Keys on the step: ← →.",
      ),
    ),
    element("div", { class: "plots" }, secant.svg, errors.svg),
  );

  function update() {
    const now = settings();
    const { quotient, exact, error } = measure(now);
    for (const { name, control } of choices) control.value = now[name];
    slider.value = now.exponent;
    slider.setAttribute("aria-valuetext", scientific(10 ** now.exponent));
    status.replaceChildren(
      element("p", {}, `h = ${scientific(10 ** now.exponent)}`),
      element("p", {}, `quotient ${quotient.toPrecision(10).replace("-", "−")}`),
      element("p", {}, `exact ${exact.toPrecision(10)}`),
      element("p", { class: "formula" }, `error ${scientific(error)}`),
      element("p", {}, explain(now)),
    );
    drawSecant(secant, now);
    drawErrors(errors, now);
  }

  return live(el, root, model, NAMES, update);
}

export default { render };
