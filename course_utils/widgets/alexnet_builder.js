// AlexNet, layer by layer: what each costs, and what is left without it. figure.js and descent.js
// stand before this file.

// Channels of the five convolutions, and into how many groups layers 2, 4 and 5 are split.
// alexnet_builder.py has the same; a test compares the two.
export const VERSIONS = {
  "two GPUs, 2012": [[96, 256, 384, 384, 256], 2],
  "one GPU, nothing split": [[96, 256, 384, 384, 256], 1],
  "one GPU, 2014": [[64, 192, 384, 256, 256], 1],
};
const REMOVABLE = [3, 4, 6, 7];
// Top-1 and top-5 error in %, validation set of ImageNet 2012. Zeiler & Fergus 2014, Table 3.
export const PUBLISHED = {
  "": [40.5, 18.1], "7": [40.0, 18.4], "6,7": [44.8, 22.4], "3,4": [45.4, 22.1],
  "3,4,6,7": [71.3, 50.1],
};
const CONVOLUTIONS = [ // kernel, stride, padding, whether it is split, whether it is pooled
  [11, 4, 0, false, true], [5, 1, 2, true, true], [3, 1, 1, false, false], [3, 1, 1, true, false],
  [3, 1, 1, true, true],
];
const HIDDEN = 4096, CLASSES = 1000, BYTES = 4, BATCH = 128;

/**
 * The eight layers, those taken out with zeros. Counted are weights and biases, the multiplications
 * of one forward pass, and the neurons: what a layer puts out, before it is pooled.
 */
export function network({ version, without, size: n }) {
  const [channels, split] = VERSIONS[version];
  let side = n, width = 3;
  const none = { kept: false, shape: [], pooled: null, parameters: 0, products: 0, neurons: 0 };
  const layers = CONVOLUTIONS.map(([k, s, p, divided, pools], i) => {
    if (without.includes(i + 1)) return { name: `conv${i + 1}`, ...none };
    const out = channels[i], groups = divided ? split : 1, fan = (width / groups) * k * k;
    side = Math.floor((side + 2 * p - k) / s) + 1;
    const neurons = out * side * side;
    const layer = { name: `conv${i + 1}`, kept: true, shape: [out, side, side], pooled: null,
      parameters: out * (fan + 1), products: neurons * fan, neurons };
    width = out;
    if (pools) layer.pooled = side = Math.floor((side - 3) / 2) + 1;
    return layer;
  });
  width *= side * side;
  for (const number of [6, 7, 8]) {
    const name = `fc${number}`, out = number === 8 ? CLASSES : HIDDEN;
    if (without.includes(number)) layers.push({ name, ...none });
    else {
      layers.push({ name, kept: true, shape: [out], pooled: null, parameters: out * (width + 1),
        products: out * width, neurons: out });
      width = out;
    }
  }
  return layers;
}

const KINDS = ["parameters", "products", "neurons"];

/** The sums of some layers. */
export const totals = (layers) => Object.fromEntries(
  KINDS.map((kind) => [kind, layers.reduce((sum, layer) => sum + layer[kind], 0)]));

const whole = (n) => n.toLocaleString("en-US");
const millions = (n) => `${(n / 1e6).toLocaleString("en-US", {
  minimumFractionDigits: 1, maximumFractionDigits: 1 })} M`;
const bytes = (n) => (n < 1e6 ? `${whole(Math.round(n / 1e3))} kB` :
  `${number(Number((n / 1e6).toPrecision(3)))} MB`);
const WRITTEN = { parameters: whole, products: millions, neurons: (n) => bytes(BYTES * n) };
const percent = (part, all) => `${number(Number(((100 * part) / all).toPrecision(3)))} %`;
const listed = (items) => items.join(", ").replace(/, ([^,]*)$/, " and $1");

/** What is left, against the whole network, in sentences. */
export function remarks(state) {
  const { version, without, size: n } = state;
  const layers = network(state), now = totals(layers), all = totals(network({ ...state, without: [] }));
  const dense = totals(layers.slice(5)), conv = totals(layers.slice(0, 5));
  const lines = [`${whole(now.parameters)} parameters, ${millions(now.products)} multiply-adds`];
  if (without.length) {
    const less = (kind, word, write) => {
      const gone = all[kind] - now[kind];
      return `${write(Math.abs(gone))} ${gone < 0 ? "more" : "fewer"} ${word} ` +
        `(${percent(Math.abs(gone), all[kind])})`;
    };
    lines.push(`Without layer${without.length > 1 ? "s" : ""} ${listed(without)}: ` +
      `${less("parameters", "parameters", whole)}, ${less("products", "multiply-adds", millions)}.`);
  }
  lines.push(
    `${percent(dense.parameters, now.parameters)} of the parameters are in the fully connected layers, ` +
      `${percent(conv.products, now.products)} of the multiply-adds in the convolutions.`,
    `In float32 the parameters take ${bytes(BYTES * now.parameters)}; the layers' ` +
      `${whole(now.neurons)} outputs take ${bytes(BYTES * now.neurons)} for one image, ` +
      `${bytes(BYTES * BATCH * now.neurons)} for the paper's batch of ${BATCH}.`);
  const first = (n - 11) / 4 + 1;
  if (first % 1) {
    lines.push(`(${n} − 11) / 4 + 1 = ${number(first)}: the first layer has ${Math.floor(first)} ` +
      `positions, the rest of the image is dropped.`);
  }
  if (n !== 227) {
    const { shape, pooled } = layers[4];
    lines.push(`The convolutions keep their parameters at any size; the first fully connected layer ` +
      `is made anew, for ${shape[0]} · ${pooled}² = ${whole(shape[0] * pooled ** 2)} inputs.`);
  }
  if (VERSIONS[version][1] > 1) {
    const halves = [2, 4, 5].filter((i) => !without.includes(i));
    lines.push(`Layers ${listed(halves)} see the half of the channels that is on their own GPU; ` +
      (without.includes(3) ? "the two GPUs meet in the fully connected layers only." :
        "layer 3 sees both."));
  }
  const errors = PUBLISHED[without.join()], full = PUBLISHED[""];
  if (errors) {
    const than = without.length ? ` (with all layers ${full[0]} % and ${full[1]} %)` : "";
    lines.push(`In the replication by Zeiler & Fergus (2014, Table 3) the top-1 error is ` +
      `${errors[0].toFixed(1)} %, the top-5 error ${errors[1].toFixed(1)} %${than}.`);
  }
  return lines;
}

function render({ model, el }) {
  const NAMES = ["version", "without", "size"];
  const state = () => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
  const set = setter(model);
  const version = choice("Version", Object.keys(VERSIONS).map((name) => [name, name]),
    (name) => set({ version: name }));
  const removed = choice("Without layers",
    [...Object.keys(PUBLISHED).sort((a, b) => a.length - b.length).map((key) =>
      [key, key.replaceAll(",", ", ") || "none"]), ["own", "your own"]],
    (value) => {
      if (value !== "own") set({ without: value ? value.split(",").map(Number) : [] });
      else update();
    });
  const size = slider("Input", { min: 67, max: 323, step: 1 }, (n) => set({ size: n }));

  const bar = () => {
    const now = element("span", { class: "now" }), all = element("span", { class: "all" });
    const made = element("span", { class: "bar", "aria-hidden": "true" }, all, now);
    const show = (value, full, most) => {
      now.style.width = `${(100 * value) / most}%`;
      all.style.width = `${(100 * full) / most}%`;
    };
    return { made, show };
  };
  const newCells = () => KINDS.map(() => {
    const text = element("span", {}), { made, show } = bar();
    return { cell: element("td", {}, text, made), text, show };
  });
  const rows = network(state()).map(({ name }, i) => {
    const tick = element("input", { type: "checkbox" });
    tick.disabled = !REMOVABLE.includes(i + 1);
    tick.addEventListener("change", () => {
      const others = model.get("without").filter((layer) => layer !== i + 1);
      set({ without: (tick.checked ? others : [...others, i + 1]).sort() });
    });
    const shape = element("span", { class: "shape" }), cells = newCells();
    const row = element("tr", {},
      element("th", { scope: "row" }, element("label", {}, tick, name), shape),
      ...cells.map(({ cell }) => cell));
    return { tick, shape, cells, row };
  });
  const sums = newCells();
  const head = ["layer", "parameters", "multiply-adds", "outputs"].map((text) =>
    element("th", { scope: "col" }, text));
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...rows.map(({ row }) => row)),
    element("tfoot", {}, element("tr", {}, element("th", { scope: "row" }, "all"),
      ...sums.map(({ cell }) => cell))));

  const status = element("div", { class: "figure-status", "aria-live": "polite" });
  const root = element(
    "div", { class: "course-figure descent alexnet", role: "group", "aria-label": model.get("alt") },
    element(
      "div", { class: "layout" },
      element("div", { class: "controls" },
        element("div", { class: "figure-inputs" }, version.row, removed.row), size.row),
      element("div", { class: "plots" }, table),
      element("div", { class: "words" }, status,
        element("p", { class: "figure-key" },
          "Untick a layer to take it out. Layers 1, 2, 5 and 8 stay: the first and the last are the " +
            "network's ends, 2 and 5 are followed by pooling. Filled bar: this network. Frame: the " +
            "same layer in the whole network. Outputs are counted before pooling, in float32, for " +
            "one image.")),
    ),
  );

  function update() {
    const now = state(), layers = network(now), full = network({ ...now, without: [] });
    version.select.value = now.version;
    const key = now.without.join();
    removed.select.value = key in PUBLISHED ? key : "own";
    size.show(now.size, `${now.size} × ${now.size}`);
    const most = Object.fromEntries(KINDS.map((kind) =>
      [kind, Math.max(...layers.map((l) => l[kind]), ...full.map((l) => l[kind]))]));
    rows.forEach(({ tick, shape, cells, row }, i) => {
      const layer = layers[i];
      tick.checked = layer.kept;
      row.classList.toggle("out", !layer.kept);
      shape.replaceChildren(...(layer.kept ? [layer.shape.join("×"),
        ...(layer.pooled ? [element("br"), `pool ${layer.pooled}×${layer.pooled}`] : [])] :
        ["taken out"]));
      KINDS.forEach((kind, j) => {
        cells[j].text.textContent = layer.kept ? WRITTEN[kind](layer[kind]) : "–";
        cells[j].show(layer[kind], full[i][kind], most[kind]);
      });
    });
    const total = totals(layers), all = totals(full);
    KINDS.forEach((kind, j) => {
      sums[j].text.textContent = WRITTEN[kind](total[kind]);
      sums[j].show(total[kind], all[kind], Math.max(total[kind], all[kind]));
    });
    status.replaceChildren(...remarks(now).map((text, i) =>
      element("p", i ? {} : { class: "formula" }, text)));
  }

  return live(el, root, model, NAMES, update);
}

export default { render };
