// Recorded runs of a pretrained network on a small target: one row for each way of training it.
// figure.js stands before this file in the module.

/** Count, mean, standard deviation and cost of a way's runs at one size. */
export function summary(runs, way, size) {
  const own = runs.filter((run) => run.arm === way && run.size === size);
  const average = (values) => values.reduce((sum, v) => sum + v, 0) / values.length;
  const values = own.map((run) => run.accuracy);
  const mean = average(values);
  const squares = values.map((v) => (v - mean) ** 2);
  const deviation = values.length > 1 ?
    Math.sqrt(squares.reduce((sum, s) => sum + s, 0) / (values.length - 1)) : 0;
  return { values, mean, deviation, seconds: average(own.map((run) => run.seconds)) };
}

/** What the rows say together. */
export function explain(rows) {
  if (rows.length < 2) return "Tick two ways to compare them.";
  const sorted = [...rows].sort((a, b) => b.mean - a.mean);
  const [best, second] = sorted;
  const lead = 100 * (best.mean - second.mean);
  const spread = 100 * Math.max(best.deviation, second.deviation);
  const words = `Highest mean: ${best.name}, ${lead.toFixed(1)} points before ${second.name}. `;
  return words + (lead > spread ?
    "That is more than the draws of one way differ." :
    `The draws of one way differ by more (±${spread.toFixed(1)}): no winner here.`);
}

const WIDTH = 380, LEFT = 20, RIGHT = 14, ROW = 56, TOP = 8, LOW = 0.4;
const STATES = {
  "-": "kept", n: "its normalization layers trained", "+": "trained", r: "new, trained",
};
const share = (value) => value.toFixed(3);

/** Six boxes, a part of the network each: empty, striped, full or new. */
function strip(trained, x, y) {
  return [...trained].map((state, i) => {
    const box = { x: x + 15 * i, y, width: 12, height: 12 };
    const kind = { "-": "kept", n: "norms", "+": "tuned", r: "new" }[state];
    const group = element("g", { class: kind }, element("rect", box));
    if (state === "n") {
      group.append(...[3, 6, 9].map((d) => element("line", {
        x1: box.x + d, x2: box.x + d, y1: y, y2: y + 12 })));
    }
    if (state === "r") {
      group.append(element("path", {
        d: `M${box.x} ${y}l12 12m0 -12l-12 12` }));
    }
    return group;
  });
}

function render({ model, el }) {
  const NAMES = ["size", "shown"];
  const ways = model.get("ways"), runs = model.get("runs");
  const change = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  const size = element("select", {}, ...model.get("sizes").map((n) =>
    element("option", { value: n }, String(n))));
  size.addEventListener("change", () => change("size", Number(size.value)));
  const boxes = ways.map(({ key, name }) => {
    const box = element("input", { type: "checkbox" });
    box.addEventListener("change", () => {
      const others = model.get("shown").filter((k) => k !== key);
      const now = box.checked ? [...others, key] : others;
      change("shown", ways.map((way) => way.key).filter((k) => now.includes(k)));
    });
    return { key, box, label: element("label", {}, box, name) };
  });

  const status = element("div", { class: "figure-status", "aria-live": "polite" });
  const svg = element("svg", { role: "img" });
  const body = element("tbody");
  const head = ["way", "accuracy", "numbers trained", "CPU s"].map((text) =>
    element("th", { scope: "col" }, text));
  const root = element(
    "div",
    { class: "course-figure transfer", role: "group", "aria-label": model.get("alt") },
    element(
      "div", { class: "figure-panel" },
      element("div", { class: "figure-inputs" }, element("label", {}, "Labeled photographs", size)),
      element("fieldset", {}, element("legend", {}, "Ways of training"),
        ...boxes.map(({ label }) => label)),
      status,
      element(
        "p", { class: "figure-key" },
        "Circles: one draw each. Square and bar: mean and standard deviation. Boxes, from the " +
          "pixels to the last layer: empty is kept, striped has only its normalization layers " +
          "trained, full is trained, crossed is new and trained.",
      ),
    ),
    element(
      "div", { class: "plots" }, svg,
      element("table", {}, element("thead", {}, element("tr", {}, ...head)), body),
    ),
  );

  function update() {
    const now = model.get("size");
    size.value = now;
    for (const { key, box } of boxes) box.checked = model.get("shown").includes(key);
    const rows = ways.filter(({ key }) => model.get("shown").includes(key))
      .map((way) => ({ ...way, ...summary(runs, way.key, now) }))
      .filter(({ values }) => values.length);
    const bottom = TOP + ROW * rows.length;
    const across = (a) => LEFT + ((WIDTH - LEFT - RIGHT) * (a - LOW)) / (1 - LOW);
    svg.setAttribute("viewBox", `0 0 ${WIDTH} ${bottom + 42}`);
    svg.replaceChildren(
      ...[0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1].flatMap((a) => [
        element("line", { class: "grid", x1: across(a), x2: across(a), y1: TOP, y2: bottom }),
        element("text", { x: across(a), y: bottom + 16, "text-anchor": "middle" }, a.toFixed(1)),
      ]),
      element("text", { x: (LEFT + WIDTH - RIGHT) / 2, y: bottom + 34, "text-anchor": "middle" },
        `accuracy from ${now} labels`),
      ...rows.map(({ key, name, trained, values, mean, deviation }, i) => {
        const y = TOP + ROW * i;
        const [low, high] = [across(mean - deviation), across(mean + deviation)];
        return element(
          "g", { class: "way", "data-way": key },
          element("text", { x: LEFT, y: y + 13, class: "name" }, name),
          ...strip(trained, WIDTH - RIGHT - 90, y + 3),
          ...values.map((v) => element("circle", { cx: across(v), cy: y + 28, r: 4.5 })),
          element("path", { d: `M${low} ${y + 37}v10m0 -5H${high}m0 -5v10` }),
          element("rect", { class: "mean", x: across(mean) - 5, y: y + 37, width: 10, height: 10 }),
        );
      }),
    );
    svg.setAttribute("aria-label",
      `Accuracy of ${rows.length} ways from ${now} labels; the table below has the numbers.`);
    body.replaceChildren(...rows.map(({ name, trained, mean, deviation, values, count, seconds }) =>
      element(
        "tr",
        { title: model.get("parts").map((p, i) => `${p}: ${STATES[trained[i]]}`).join("; ") },
        element("th", { scope: "row" }, name),
        element("td", {}, values.length > 1 ?
          `${share(mean)} ± ${share(deviation)}` : `${share(mean)}, one draw`),
        element("td", {}, count.toLocaleString("en-US")),
        element("td", {}, seconds.toFixed(1)),
      )));
    status.replaceChildren(element("p", {}, explain(rows)));
  }

  return live(el, root, model, NAMES, update);
}

export default { render };
