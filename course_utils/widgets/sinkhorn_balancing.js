// Sinkhorn and Knopp's algorithm step by step. figure.js and descent.js stand before this file.

const BALANCED = 1e-3, MOST_ROUNDS = 1000;

/** The logarithms' softmax along a list. */
function logSoftmax(values) {
  const high = Math.max(...values);
  const total = high + Math.log(values.reduce((sum, x) => sum + Math.exp(x - high), 0));
  return values.map((x) => x - total);
}

const transpose = (rows) => rows[0].map((_, c) => rows.map((row) => row[c]));
const sum = (values) => values.reduce((total, x) => total + x, 0);
const exp = (rows) => rows.map((row) => row.map(Math.exp));
const shareOf = (scores) => scores.length / scores[0].length;

/** Logarithms of the shares before any scaling: the softmax of each row of scores. */
const begin = ({ scores, temperature }) =>
  scores.map((row) => logSoftmax(row.map((s) => s / temperature)));

/** Even steps scale all columns to the sum N / K, odd ones all rows to the sum 1. */
function scale(logs, step) {
  if (step % 2) return logs.map(logSoftmax);
  const more = Math.log(shareOf(logs));
  return transpose(transpose(logs).map((column) => logSoftmax(column).map((x) => x + more)));
}

/** All sums, and the one that is furthest from its target as a fraction of it. */
export function sums(shares) {
  const share = shareOf(shares);
  const rows = shares.map(sum), columns = transpose(shares).map(sum);
  const off = [
    ...rows.map((total, index) => ({ kind: "row", index, total, target: 1 })),
    ...columns.map((total, index) => ({ kind: "column", index, total, target: share })),
  ].map((one) => ({ ...one, deviation: Math.abs(one.total / one.target - 1) }));
  return { rows, columns, share, worst: off.reduce((a, b) => (b.deviation > a.deviation ? b : a)) };
}

/** The shares after all steps, and the worst deviation at the start and after each of them. */
export function replay(state) {
  let logs = begin(state);
  const deviations = [sums(exp(logs)).worst.deviation];
  for (let step = 0; step < state.steps; step++) {
    logs = scale(logs, step);
    deviations.push(sums(exp(logs)).worst.deviation);
  }
  return { shares: exp(logs), deviations };
}

/** How many steps there are at the end of the round that balances. */
export function untilBalanced(state) {
  let logs = begin(state), step = 0;
  const next = () => { logs = scale(logs, step++); };
  const off = () => sums(exp(logs)).worst.deviation > BALANCED;
  while (step < state.steps || step % 2) next();
  for (const last = step + 2 * MOST_ROUNDS; step < last && off();) {
    next();
    next();
  }
  return step;
}

/** Each row's largest entry; none where two are as large. */
export function labels(rows) {
  return rows.map((row) => {
    const high = Math.max(...row);
    const near = row.flatMap((x, c) => (high - x <= 1e-9 * Math.max(1, Math.abs(high)) ? [c] : []));
    return near.length === 1 ? near[0] : null;
  });
}

const LETTERS = [..."ABCDEF"];
const counts = (found, k) => Array.from({ length: k }, (_, c) => found.filter((l) => l === c).length);
const percent = (fraction) => {
  const value = 100 * fraction;
  if (value < 0.001) return "less than 0.001 %";
  return `${number(Number(value.toPrecision(2)))} %`;
};
const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

/** Two steps are a round. */
const rounds = (steps) => (steps % 2 ?
  `${steps > 1 ? Math.floor(steps / 2) : ""}½ round${steps > 1 ? "s" : ""}` :
  plural(steps / 2, "round"));

/** What there is to see. */
export function explain(state, { shares, deviations }) {
  const { worst } = sums(shares), k = shares[0].length, n = shares.length;
  const balanced = worst.deviation <= BALANCED;
  const who = worst.kind === "row" ? `row ${worst.index + 1}` : `column ${LETTERS[worst.index]}`;
  const first = labels(state.scores), now = labels(shares);
  const lines = [
    `${rounds(state.steps)}: ` + (balanced ?
      `balanced, every sum within ${number(100 * BALANCED)} %` :
      `${who} sums to ${worst.total.toFixed(3)} instead of ${number(worst.target)}`),
  ];
  if (!state.steps) {
    lines.push("Each row is the softmax of its scores, the network's own answer. Rows sum to 1; " +
      `nothing makes each column sum to ${n} ÷ ${k} = ${number(n / k)}.`);
  } else if (state.steps % 2) {
    lines.push(`Every column was divided by its sum and multiplied by ${number(n / k)}. ` +
      (balanced ? "" : "That changed the rows' sums."));
  } else {
    lines.push("Every row was divided by its sum. " +
      (balanced ? "" : "That changed the columns' sums, by less than before."));
  }
  const changed = now.filter((label, i) => label !== first[i]).length;
  const ties = now.filter((label) => label === null).length;
  if (ties) {
    lines.push(`${plural(ties, "row")} of ${n} ${ties === 1 ? "has" : "have"} no largest entry ` +
      "and so no hard label.");
  } else if (state.steps) {
    lines.push(`Hard labels: ${changed || "none"} of ${n} ${changed === 1 ? "has" : "have"} changed.`);
  }
  const sizes = counts(now, k);
  if (balanced && !ties && Math.max(...sizes) - Math.min(...sizes) > (n % k ? 1 : 0)) {
    lines.push("The shares are balanced, the hard labels are not quite: a row's second " +
      "choice counts in the sums, too." +
      (state.temperature > 0.1 ? " A lower temperature shares out less." : ""));
  }
  if (!balanced && state.steps >= 2 * MOST_ROUNDS) {
    lines.push("A low temperature needs many rounds: press “Until balanced” again.");
  }
  return lines;
}

const CELL_WIDTH = 62, CELL_HEIGHT = 28, SIDE = 23, MATRIX_LEFT = 87, MATRIX_TOP = 24;
const LOWEST = -4.2;

function render({ model, el }) {
  const NAMES = ["scores", "temperature", "steps"];
  const state = () => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
  const set = setter(model);
  const examples = model.get("examples");
  const preset = element(
    "select", {}, element("option", { value: "" }, "given"),
    ...Object.keys(examples).map((name) => element("option", { value: name }, name)));
  const given = model.get("scores");
  preset.addEventListener("change", () =>
    set({ steps: 0, scores: examples[preset.value] ?? given }));
  if (Object.values(examples).some((e) => JSON.stringify(e) === JSON.stringify(given))) {
    preset.firstChild.remove();
  }
  const temperature = slider("Temperature ε = 1/λ", { min: -1, max: 1, step: 0.05 }, (exponent) =>
    set({ temperature: Number((10 ** exponent).toPrecision(3)) }));

  // Scaling twice the same way does nothing the second time, and the softmax has scaled the rows.
  const scaleNext = (rows) => () => {
    const steps = model.get("steps");
    if (steps % 2 === rows) set({ steps: steps + 1 });
  };
  const buttons = {
    columns: button("Scale columns", scaleNext(0)),
    rows: button("Scale rows", scaleNext(1)),
    round: button("One round", () => set({ steps: model.get("steps") + 2 - model.get("steps") % 2 })),
    balance: button("Until balanced", () => set({ steps: untilBalanced(state()) })),
    over: button("Start over", () => set({ steps: 0 })),
  };

  const matrix = element("svg", { class: "matrix", role: "img" });
  const plot = frame("Worst sum's deviation from its target", 120, "rounds");
  const status = element("div", { class: "figure-status", "aria-live": "polite" });
  const root = element(
    "div",
    { class: "course-figure descent sinkhorn", role: "group", "aria-label": model.get("alt") },
    element(
      "div", { class: "layout" },
      element("div", { class: "controls" },
        element("div", { class: "figure-inputs" }, element("label", {}, "Scores", preset)),
        temperature.row,
        element("div", { class: "figure-buttons" }, ...Object.values(buttons))),
      element("div", { class: "plots" }, matrix, plot.svg),
      element("div", { class: "words" }, status,
        element("p", { class: "figure-key" },
          "Area and number: a sample's share in a cluster. Dashed frame: the row's largest " +
            "entry at first, its hard label; solid frame: the largest now. ✓: a sum within " +
            "0.1 % of its target. In the plot, squares stand after columns were scaled, disks " +
            "after rows were.")),
    ),
  );

  function drawMatrix(now, shares) {
    const [n, k] = [shares.length, shares[0].length];
    const { rows, columns, share } = sums(shares);
    const [first, last] = [labels(now.scores), labels(shares)];
    const full = Math.max(1, share);
    const left = (c) => MATRIX_LEFT + c * CELL_WIDTH, top = (r) => MATRIX_TOP + r * CELL_HEIGHT;
    const middle = (r) => top(r) + CELL_HEIGHT / 2 + 5;
    const text = (x, y, content, more = {}) => element("text", { x, y, ...more }, content);
    const centered = { "text-anchor": "middle" }, ended = { "text-anchor": "end" };
    const within = (total, target) => Math.abs(total / target - 1) <= BALANCED;
    const total = (x, y, value, target) => text(x, y, `${value.toFixed(2)}${
      within(value, target) ? " ✓" : ""}`, {
      class: within(value, target) ? "right" : "off", ...centered });
    const below = n + 0.3, right = left(k) + 29;
    const box = (r, c, inset, name) => element("rect", {
      x: left(c) + inset, y: top(r) + inset, width: CELL_WIDTH - 2 * inset,
      height: CELL_HEIGHT - 2 * inset, class: name });
    const cells = shares.flatMap((row, r) => row.map((value, c) => {
      const side = SIDE * Math.sqrt(value / full);
      return element("g", { class: "entry" },
        element("rect", { class: "area", x: left(c) + 16 - side / 2,
          y: top(r) + CELL_HEIGHT / 2 - side / 2, width: side, height: side }),
        text(left(c) + CELL_WIDTH - 6, middle(r), value.toFixed(2), ended));
    }));
    const lines = [
      ["sum", columns.map((value, c) => total(left(c + 0.5), middle(below), value, share))],
      ["target", columns.map((_, c) =>
        text(left(c + 0.5), middle(below + 0.8), number(share), centered))],
      ["old labels", counts(first, k).map((count, c) =>
        text(left(c + 0.5), middle(below + 1.9), String(count), centered))],
      ["new labels", counts(last, k).map((count, c) =>
        text(left(c + 0.5), middle(below + 2.7), String(count), centered))],
    ];
    const places = [0, 0.8, 1.9, 2.7];
    matrix.setAttribute("viewBox", `0 0 ${right + 28} ${top(below + 3.9)}`);
    matrix.style.maxWidth = `${1.35 * (right + 28)}px`;
    matrix.replaceChildren(
      text(MATRIX_LEFT - 8, 15, "sample", ended),
      ...columns.map((_, c) => text(left(c + 0.5), 15, LETTERS[c], { ...centered, class: "name" })),
      text(right, 15, "sum", centered),
      ...rows.map((_, r) => text(MATRIX_LEFT - 8, middle(r), String(r + 1), ended)),
      ...shares.flatMap((row, r) => row.map((_, c) => box(r, c, 0, "grid"))),
      ...cells,
      ...first.flatMap((c, r) => (c === null ? [] : [box(r, c, 3.5, "first")])),
      ...last.flatMap((c, r) => (c === null ? [] : [box(r, c, 1, "now")])),
      ...rows.map((value, r) => total(right, middle(r), value, 1)),
      text(right, middle(below + 0.8), "1", centered),
      ...lines.flatMap(([name, made], i) =>
        [text(MATRIX_LEFT - 8, middle(below + places[i]), name, ended), ...made]),
    );
    matrix.setAttribute("aria-label",
      `Shares of ${n} samples in ${k} clusters. Column sums ` +
        `${columns.map((value, c) => `${LETTERS[c]} ${value.toFixed(2)}`).join(", ")}, target ` +
        `${number(share)}. Labels at first ${counts(first, k).join(", ")}, now ` +
        `${counts(last, k).join(", ")}.`);
  }

  function drawPlot(now, deviations) {
    const done = deviations.length - 1;
    const wide = Math.max(5, Math.ceil(done / 2));
    const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((s) => wide / s <= 6) ?? 2000;
    const xTicks = Array.from({ length: Math.floor(wide / step) + 1 }, (_, i) =>
      [i * step, String(i * step)]);
    const yTicks = [[-3, "0.1 %"], [-2, "1 %"], [-1, "10 %"], [0, "100\u202f%"]];
    const high = Math.max(0, Math.log10(deviations[0] || 1));
    plot.limits([-0.03 * wide, 1.03 * wide], [LOWEST, high + 0.3], xTicks, yTicks);
    const points = deviations.map((d, i) => [
      plot.across(i / 2), plot.up(Math.max(LOWEST + 0.15, Math.log10(d || 1e-99)))]);
    const goal = plot.up(Math.log10(BALANCED));
    const mark = ([x, y], step) => (step % 2 ?
      element("rect", { class: "mark", x: x - 4, y: y - 4, width: 8, height: 8 }) :
      element("circle", { class: "mark", cx: x, cy: y, r: 4.5 }));
    const shown = done <= 60 ? points.map(mark) : [mark(points.at(-1), done)];
    plot.inside.replaceChildren(
      element("line", { class: "goal", x1: 0, x2: INNER, y1: goal, y2: goal }),
      element("path", { class: "curve", d: line(points) }),
      ...shown,
      element("text", { x: 6, y: goal + 15 }, "balanced"),
    );
    plot.svg.setAttribute("aria-label",
      `The worst sum was off by ${percent(deviations[0])} at first; after ` +
        `${rounds(done)} it is off by ${percent(deviations.at(-1))}.`);
  }

  function update() {
    const now = state(), found = replay(now);
    const same = ([, rows]) => JSON.stringify(rows) === JSON.stringify(now.scores);
    preset.value = Object.entries(examples).find(same)?.[0] ?? "";
    temperature.show(Math.log10(now.temperature), number(Number(now.temperature.toPrecision(3))));
    buttons.columns.setAttribute("aria-disabled", String(now.steps % 2 === 1));
    buttons.rows.setAttribute("aria-disabled", String(now.steps % 2 === 0));
    drawMatrix(now, found.shares);
    drawPlot(now, found.deviations);
    status.replaceChildren(...explain(now, found).map((text, i) =>
      element("p", i ? {} : { class: "formula" }, text)));
  }

  return live(el, root, model, NAMES, update);
}

export default { render };
