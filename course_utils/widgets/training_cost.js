// What it takes to train a language model. figure.js and descent.js stand before this file.

const HOUR = 3600, DAY = 86400, OPTIMAL = 20;

/** Operations, time, money and energy. training_cost.py has the same. */
export function results(now) {
  const operations = 6 * now.parameters * now.tokens;
  const seconds = operations / (now.chips * now.peak_tflops * 1e12 * now.utilization);
  const chip_hours = (now.chips * seconds) / HOUR;
  const kwh = ((chip_hours * now.watts) / 1000) * now.pue;
  return {
    operations, pf_days: operations / (1e15 * DAY), seconds, days: seconds / DAY, chip_hours,
    dollars: chip_hours * now.price, kwh, households: kwh / now.household,
    tokens_per_parameter: now.tokens / now.parameters,
  };
}

const digits = (n) => (value) => Number(value.toPrecision(n));

/** 3 significant digits: 0.5, 12.3, 4,560, 7.89 million. */
export function amount(value) {
  for (const [size, word] of [[1e12, "trillion"], [1e9, "billion"], [1e6, "million"]]) {
    if (value >= 0.9995 * size) return `${amount(value / size)} ${word}`;
  }
  return value.toLocaleString("en-US", { maximumSignificantDigits: 3 });
}

/** A time in the unit that suits it. */
export function duration(seconds) {
  const [size, word] = [[365.25 * DAY, "years"], [DAY, "days"], [HOUR, "hours"], [60, "minutes"]]
    .find(([s]) => seconds >= 2 * s) ?? [1, "seconds"];
  return `${amount(seconds / size)} ${word}`;
}

const operationsOf = (value) => {
  const at = Math.floor(Math.log10(value));
  return `${(value / 10 ** at).toFixed(2)}\u00a0·\u00a0${power(at)}`;
};

// Label, unit, what a typed number is multiplied by.
const FIELDS = {
  parameters: ["Parameters N", "billions", 1e9],
  tokens: ["Tokens D", "billions", 1e9],
  chips: ["Chips", "side by side", 1],
  peak_tflops: ["Peak", "Tflop/s a chip", 1],
  utilization: ["Utilization", "% of the peak", 0.01],
  price: ["Price", "$ a chip-hour", 1],
  watts: ["Power", "W a chip", 1],
  pue: ["Data center", "PUE", 1],
  household: ["Household", "kWh a year", 1],
};
const NAMES = Object.keys(FIELDS);
// The rows of the table: what, and its text.
const RESULTS = [
  ["operations", "Operations 6ND", (r) => operationsOf(r.operations)],
  ["pf_days", "in PF-days", (r) =>
    r.pf_days.toLocaleString("en-US", { maximumSignificantDigits: 4 })],
  ["tokens_per_parameter", "Tokens a parameter", (r) => amount(r.tokens_per_parameter)],
  ["seconds", "Time", (r) => duration(r.seconds)],
  ["chip_hours", "Chip-hours", (r) => amount(r.chip_hours)],
  ["dollars", "Cost", (r) => `$${amount(r.dollars)}`],
  ["kwh", "Energy", (r) => `${amount(r.kwh)} kWh`],
  ["households", "Households for a year", (r) => amount(r.households)],
];

function render({ model, el }) {
  const state = () => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
  const send = setter(model);
  const limits = model.get("limits"), presets = model.get("presets");
  const fit = (name, value) => {
    const within = Math.max(limits[name][0], Math.min(limits[name][1], value));
    return name === "chips" ? Math.round(within) : within;
  };
  const set = (values) => send(Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, fit(name, value)])));
  const given = state();
  const preset = choice("Begin with",
    [["", "own numbers"], ...Object.keys(presets).map((name) => [name, name])],
    (name) => set(Object.fromEntries(
      NAMES.flatMap((n) => (presets[name]?.[n] || !name ? [[n, (presets[name] ?? given)[n]]] : [])))));

  // A slider goes by decades; the field beside it takes the exact number.
  const fields = NAMES.map((name) => {
    const [label, unit, size] = FIELDS[name], [low, high] = limits[name].map(Math.log10);
    const range = element("input", { type: "range", min: low, max: high, step: (high - low) / 500 });
    const exact = element("input", { type: "number", step: "any",
      "aria-label": `${label}, ${unit}` });
    range.addEventListener("input", () => set({ [name]: digits(3)(10 ** range.valueAsNumber) }));
    exact.addEventListener("change", () => {
      if (exact.valueAsNumber > 0) set({ [name]: digits(12)(exact.valueAsNumber * size) });
      else update(); // nonsense goes back to what it was
    });
    const words = element("span", {}, label, element("small", {}, ` ${unit}`));
    const row = element("div", { class: "slider" }, element("label", {}, words, range), exact);
    const show = (value) => {
      range.value = Math.log10(value);
      range.setAttribute("aria-valuetext", `${amount(value / size)} ${unit}`);
      exact.value = digits(6)(value / size);
    };
    return { name, row, show };
  });

  const plane = frame("Tokens D against parameters N", 200, "parameters N");
  const ground = element("g", {}), handle = element("circle", { class: "handle", r: 20 });
  plane.inside.append(ground, handle);
  const cells = RESULTS.map(([name, label]) => {
    const cell = element("td", { "data-result": name });
    return { cell, row: element("tr", {}, element("th", { scope: "row" }, label), cell) };
  });
  const table = element("table", {},
    element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "What it takes"),
      element("th", { scope: "col" }, "about"))),
    element("tbody", {}, ...cells.map(({ row }) => row)));
  const status = element("div", { class: "figure-status", "aria-live": "polite" });
  const root = element(
    "div",
    { class: "course-figure descent training-cost", role: "group", "aria-label": model.get("alt") },
    element(
      "div", { class: "layout" },
      element("div", { class: "controls" },
        element("div", { class: "figure-inputs" }, preset.row), ...fields.map(({ row }) => row)),
      element("div", { class: "plots" }, table, plane.svg),
      element("div", { class: "words" }, status,
        element("p", { class: "figure-key" },
          "Thin lines: equal numbers of operations. Dashed: 20 tokens a parameter, about the best use " +
            "of a given number of operations (Hoffmann et al. 2022). Tap or drag in the picture, or " +
            "use the arrow keys there.")),
    ),
  );

  const edges = ["parameters", "tokens"].map((name) => limits[name].map(Math.log10));
  const decades = ([low, high]) => Array.from({ length: Math.floor(high - low) + 1 }, (_, i) =>
    Math.ceil(low) + i).filter((e) => e % 2 === 0).map((e) => [e, power(e)]);

  function drawPlane(now) {
    const [[left, right], [low, high]] = edges;
    plane.limits(...edges, ...edges.map(decades));
    const at = (n, d) => [plane.across(n), plane.up(d)];
    const lines = [16, 18, 20, 22, 24, 26, 28].flatMap((e) => {
      const both = e - Math.log10(6); // log N + log D
      const [x, y] = at(Math.max(left, both - high), Math.min(high, both - left));
      return [
        element("path", { class: "equal", d: line([at(left, both - left), at(right, both - right)]) }),
        element("text", { class: "small", x: x + 7, y: y + 18 }, power(e)),
      ];
    });
    const known = new Map(Object.values(presets).map((p) => [p.short, p]));
    const points = [...known.values()].flatMap((p) => {
      const [x, y] = at(Math.log10(p.parameters), Math.log10(p.tokens));
      return [element("circle", { class: "known", cx: x, cy: y, r: 4.5 }),
        element("text", { class: "small", x: x + 9, y: y + 14 }, p.short)];
    });
    const [x, y] = at(Math.log10(now.parameters), Math.log10(now.tokens));
    handle.setAttribute("cx", x);
    handle.setAttribute("cy", y);
    const best = Math.log10(OPTIMAL);
    ground.replaceChildren(
      ...lines,
      element("path", { class: "best", d: line([at(left, left + best), at(right, right + best)]) }),
      ...points,
      element("path", { class: "now", d: `M${x} ${y - 9}l9 9l-9 9l-9 -9Z` }),
    );
    plane.svg.setAttribute("aria-label", `Parameters ${amount(now.parameters)}, tokens ` +
      `${amount(now.tokens)}: ${operationsOf(6 * now.parameters * now.tokens)} operations.`);
  }

  function update() {
    const now = state(), found = results(now);
    const same = ([, p]) => NAMES.every((name) => !(name in p) || p[name] === now[name]);
    const [name, known] = Object.entries(presets).find(same) ?? ["", null];
    preset.select.value = name;
    for (const { name: field, show } of fields) show(now[field]);
    RESULTS.forEach(([, , text], i) => { cells[i].cell.textContent = text(found); });
    drawPlane(now);
    const rate = now.chips * now.peak_tflops * 1e12 * now.utilization;
    status.replaceChildren(...[
      `6 · ${amount(now.parameters)} · ${amount(now.tokens)} = ${operationsOf(found.operations)} ` +
        "operations",
      `${now.chips.toLocaleString("en-US")} chips at ${amount(100 * now.utilization)} % of their peak ` +
        `do ${operationsOf(rate)} a second, so it takes ${duration(found.seconds)}.`,
      `${amount(found.tokens_per_parameter)} tokens a parameter; the dashed line has ${OPTIMAL}.`,
      known?.source ?? "Your own numbers.",
    ].map((text, i) => element("p", i ? {} : { class: "formula" }, text)));
  }

  const end = live(el, root, model, NAMES, update);
  movable(plane, handle,
    (n, d) => set({ parameters: digits(3)(10 ** n), tokens: digits(3)(10 ** d) }),
    (n, d) => set({
      parameters: digits(3)(model.get("parameters") * 10 ** (0.1 * n)),
      tokens: digits(3)(model.get("tokens") * 10 ** (0.1 * d)),
    }));
  return end;
}

export default { render };
