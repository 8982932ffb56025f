// What the units of a chain of layers see of the input. figure.js and descent.js stand before this
// file.

// Layers [name, k, s, p, d] and the input's size. The Python file has the same; a test compares.
const vgg = [2, 2, 3, 3, 3].flatMap((count, block) => [
  ...Array.from({ length: count }, (_, i) => [`conv${block + 1}_${i + 1}`, 3, 1, 1, 1]),
  [`pool${block + 1}`, 2, 2, 0, 1],
]);
export const PRESETS = {
  "LeNet-5": [32, [["C1", 5, 1, 0, 1], ["S2", 2, 2, 0, 1], ["C3", 5, 1, 0, 1], ["S4", 2, 2, 0, 1],
    ["C5", 5, 1, 0, 1]]],
  "AlexNet": [227, [["conv1", 11, 4, 0, 1], ["pool1", 3, 2, 0, 1], ["conv2", 5, 1, 2, 1],
    ["pool2", 3, 2, 0, 1], ["conv3", 3, 1, 1, 1], ["conv4", 3, 1, 1, 1], ["conv5", 3, 1, 1, 1],
    ["pool5", 3, 2, 0, 1]]],
  "VGG-16": [224, vgg],
  "dilated 1-2-4-8": [40, [1, 2, 4, 8].map((d) => [`dilated ${d}`, 3, 1, d, d])],
  "four 3 × 3": [40, [1, 2, 3, 4].map((i) => [`conv${i}`, 3, 1, 1, 1])],
};
const LIMITS = { k: [1, 11], s: [1, 4], p: [0, 8], d: [1, 8] };
const MOST_LAYERS = 20;

/**
 * For each layer the `size` of what a unit sees, the `jump` from one unit's field to the next, by
 * how much the first begins before the image (`padding`), its middle (`start`), and how many units
 * there are along an axis (`out`, 0 where the layer does not fit).
 */
export function fields({ size: n, layers }) {
  let [size, jump, padding, out] = [1, 1, 0, n];
  return layers.map(([, k, s, p, d]) => {
    size += d * (k - 1) * jump;
    padding += p * jump;
    jump *= s;
    const places = out + 2 * p, span = d * (k - 1) + 1;
    out = out && places >= span ? Math.floor((places - span) / s) + 1 : 0;
    return { size, jump, padding, start: (size - 1) / 2 - padding, out };
  });
}

/** First and last pixel that a unit sees along an axis. */
export const interval = ({ size, jump, padding }, unit) =>
  [unit * jump - padding, unit * jump - padding + size - 1];

/** How many paths lead from each pixel to a unit, along one axis; padding breaks a path off. */
export function paths({ size: n, layers }, chosen, unit) {
  const outs = [n, ...fields({ size: n, layers }).map(({ out }) => out)];
  let found = Array(outs[chosen + 1]).fill(0);
  found[unit] = 1;
  for (let l = chosen; l >= 0; l--) {
    const [, k, s, p, d] = layers[l], below = Array(outs[l]).fill(0);
    found.forEach((count, o) => {
      for (let i = 0; count && i < k; i++) {
        const j = s * o + d * i - p;
        if (j >= 0 && j < below.length) below[j] += count;
      }
    });
    found = below;
  }
  return found;
}

/** The unit whose field has its middle nearest to a place in the image, 0 to 1. */
export function nearest({ start, jump, out }, n, place) {
  const unit = Math.round((place * n - 0.5 - start) / jump);
  return Math.max(0, Math.min(out - 1, unit));
}

/** The side of the smallest square around the field's middle that holds half of all paths. */
export function halfWay(all, [first, last]) {
  const total = all.reduce((sum, count) => sum + count, 0);
  for (let cut = Math.ceil((last - first + 1) / 2) - 1; cut >= 0; cut--) {
    const inner = all.slice(Math.max(0, first + cut), Math.max(0, last - cut + 1))
      .reduce((sum, count) => sum + count, 0);
    if ((inner / total) ** 2 >= 0.5) return last - first + 1 - 2 * cut;
  }
  return last - first + 1;
}

const square = (n) => `${number(n)} × ${number(n)}`;
const SIDE = 340;

function render({ model, el }) {
  const NAMES = ["size", "layers", "chosen", "place"];
  const state = () => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
  const set = setter(model);

  const preset = element("select", {}, element("option", { value: "" }, "your own"),
    ...Object.keys(PRESETS).map((name) => element("option", { value: name }, name)));
  preset.addEventListener("change", () => {
    if (!(preset.value in PRESETS)) return;
    const [size, layers] = PRESETS[preset.value];
    set({ chosen: 0 });
    set({ size, layers: structuredClone(layers), place: [0.5, 0.5] });
    set({ chosen: layers.length - 1 });
  });
  const size = slider("Input n", { min: 1, max: 256, step: 1 }, (n) => set({ size: n }));

  /** The chosen layer becomes another one. */
  const change = (index, value) => {
    const { layers, chosen } = state();
    set({ layers: layers.with(chosen, layers[chosen].with(index, value)) });
  };
  const numbers = Object.entries({ k: "Kernel k", s: "Stride s", p: "Padding p", d: "Dilation d" })
    .map(([name, label], i) => {
      const [min, max] = LIMITS[name];
      return slider(label, { min, max, step: 1 }, (value) => change(i + 1, value));
    });
  const shift = (by) => () => {
    const { layers, chosen } = state(), to = chosen + by;
    const moved = layers.with(chosen, layers[to]).with(to, layers[chosen]);
    set({ layers: moved, chosen: to });
  };
  const buttons = {
    up: button("Move up", shift(-1)),
    down: button("Move down", shift(1)),
    add: button("Add below", () => {
      const { layers, chosen } = state();
      set({ layers: layers.toSpliced(chosen + 1, 0, ["new", 3, 1, 1, 1]), chosen: chosen + 1 });
    }),
    remove: button("Remove", () => {
      const { layers, chosen } = state();
      set({ chosen: Math.max(0, chosen - 1) });
      set({ layers: layers.toSpliced(chosen, 1) });
    }),
  };

  // One row for each layer; its button chooses the layer.
  const body = element("tbody", {});
  let rows = [];
  const choose = (i) => {
    if (i < 0 || i >= rows.length) return;
    set({ chosen: i });
    rows[i].name.focus();
  };
  const newRow = (_, i) => {
    const name = button("", () => choose(i));
    name.addEventListener("keydown", (event) => {
      const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!by) return;
      choose(i + by);
      event.preventDefault();
    });
    const cells = Array.from({ length: 8 }, () => element("td", {}));
    return { name, cells, row: element("tr", {}, element("th", { scope: "row" }, name), ...cells) };
  };
  const head = ["layer", "k", "s", "p", "d", "field", "jump", "start", "out"]
    .map((text) => element("th", { scope: "col" }, text));
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...head)), body);

  const canvas = element("canvas", { "aria-hidden": "true" });
  const svg = element("svg", {
    viewBox: `0 0 ${SIDE} ${SIDE}`, tabindex: 0, role: "application",
    "aria-roledescription": "input image" });
  let view = { low: 0, scale: 1 };
  svg.addEventListener("click", (event) => {
    const area = svg.getBoundingClientRect();
    const at = (pixels, extent) => (pixels / extent) * SIDE / view.scale + view.low;
    set({ place: [at(event.clientY - area.top, area.height), at(event.clientX - area.left, area.width)]
      .map((pixel) => pixel / model.get("size")) });
  });
  svg.addEventListener("keydown", (event) => {
    if (!(event.key in MOVES)) return;
    const now = state(), field = fields(now)[now.chosen], [dx, dy] = MOVES[event.key];
    if (!field.out) return;
    const next = [-dy, dx].map((by, axis) => {
      const unit = nearest(field, now.size, now.place[axis]) + by;
      return Math.max(0, Math.min(field.out - 1, unit));
    });
    set({ place: next.map((unit) => (field.start + unit * field.jump + 0.5) / now.size) });
    event.preventDefault();
  });

  const status = element("div", { class: "figure-status", "aria-live": "polite" });
  const root = element(
    "div", { class: "course-figure descent receptive", role: "group", "aria-label": model.get("alt") },
    element(
      "div", { class: "layout" },
      element("div", { class: "top" },
        element("div", { class: "figure-inputs" }, element("label", {}, "Network", preset)), size.row),
      element("div", { class: "plots" }, element("div", { class: "stage" }, canvas, svg)),
      element("div", { class: "layers" }, table, ...numbers.map(({ row }) => row),
        element("div", { class: "figure-buttons" }, ...Object.values(buttons))),
      element("div", { class: "words" }, status,
        element("p", { class: "figure-key" },
          "Solid square: the image. Thick: what the unit sees; dashed beside it: what its neighbor " +
            "sees. Dashed around the image: how far fields reach into the padding. Shading: how many " +
            "paths lead from a pixel to the unit. Dots: middles of the other units' fields. Tap the " +
            "image, or use the arrow keys in it, for another unit; all four numbers belong to the " +
            "chosen layer.")),
    ),
  );

  /** The image, the fields, and the paths as shading. */
  function draw(now, field, units) {
    const n = now.size, { jump, start, out } = field;
    const spans = units.map((unit) => interval(field, unit));
    const low = Math.min(0, -field.padding), high = Math.max(n, interval(field, out - 1)[1] + 1);
    const margin = 2, scale = (SIDE - 2 * margin) / (high - low);
    view = { low: low - margin / scale, scale };
    const at = (pixel) => margin + (pixel - low) * scale;
    const box = ([y, x], [height, width], name) => element("rect", {
      class: name, x: at(x), y: at(y), width: width * scale, height: height * scale });
    const lines = [];
    if (scale >= 7) {
      for (let i = 1; i < n; i++) {
        lines.push(`M${at(i)} ${at(0)}V${at(n)}`, `M${at(0)} ${at(i)}H${at(n)}`);
      }
    }
    const dots = [];
    if (jump * scale >= 5) {
      const r = Math.min(2, jump * scale / 6), middle = (i) => at(start + i * jump + 0.5);
      for (let i = 0; i < out * out; i++) {
        const [cx, cy] = [middle(i % out) - r, middle(Math.floor(i / out))];
        dots.push(`M${cx} ${cy}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`);
      }
    }
    const corner = spans.map(([first]) => first), extent = [field.size, field.size];
    const beside = units[1] + 1 < out ? jump : -jump;
    const center = units.map((unit) => at(start + unit * jump + 0.5));
    svg.replaceChildren(
      element("path", { class: "grid", d: lines.join("") }),
      box([low, low], [high - low, high - low], "reach"),
      box([0, 0], [n, n], "image"),
      element("path", { class: "dots", d: dots.join("") }),
      ...(out > 1 ? [box([corner[0], corner[1] + beside], extent, "neighbor")] : []),
      box(corner, extent, "field"),
      element("path", { class: "center", d: `M${center[1] - 5} ${center[0]}h10m-5 -5v10` }));

    const all = units.map((unit) => paths(now, now.chosen, unit));
    const most = Math.max(...all[0]) * Math.max(...all[1]);
    canvas.width = canvas.height = n;
    Object.assign(canvas.style, { left: `${(100 * at(0)) / SIDE}%`, top: `${(100 * at(0)) / SIDE}%`,
      width: `${(100 * n * scale) / SIDE}%`, height: `${(100 * n * scale) / SIDE}%` });
    const context = canvas.getContext("2d"), data = context.createImageData(n, n);
    for (let i = 0; i < n * n; i++) {
      const share = (all[0][Math.floor(i / n)] * all[1][i % n]) / most;
      data.data.set([0, 114, 178, 215 * Math.sqrt(share)], 4 * i);
    }
    context.putImageData(data, 0, 0);
    return { all, spans };
  }

  /** The chosen layer's numbers, derived from those of the layer below. */
  function say(now, field, units, { all, spans }) {
    const { chosen, layers, size: n } = now, [, k, s, , d] = layers[chosen];
    const below = chosen ? fields(now)[chosen - 1] : { size: 1, jump: 1, padding: 0 };
    const places = (([from, to]) => `${number(from)} to ${number(to)}`);
    const lines = [
      `${layers[chosen][0]}: a unit sees ${square(field.size)} pixels`,
      `field: ${below.size} + d(k − 1)·(jump below) = ${below.size} + ${d}·${k - 1}·${below.jump} = ` +
        `${field.size}`,
      `jump: s·(jump below) = ${s}·${below.jump} = ${field.jump}; the first field has its middle at pixel ` +
        `${number(field.start)}.`,
      `Unit (${units.join(", ")}) of ${square(field.out)}: rows ${places(spans[0])}, ` +
        `columns ${places(spans[1])}` +
        (spans.some(([a, b]) => a < 0 || b >= n) ? `; beyond 0 to ${n - 1} lies padding.` : "."),
    ];
    const outside = all.map((counts, axis) => {
      const [first, last] = spans[axis];
      return Math.max(0, Math.min(n - 1, last) - Math.max(0, first) + 1) -
        counts.filter((count) => count).length;
    });
    if (field.size > 1) {
      const sides = all.map((counts, axis) => halfWay(counts, spans[axis]));
      const share = (100 * sides[0] * sides[1]) / field.size ** 2;
      lines.push(`Half of the paths, or more, start from the middle ${sides.join(" × ")}: ` +
        `${number(Number(share.toPrecision(2)))} % of the field.`);
    }
    if (outside.some((count) => count)) {
      lines.push("Some pixels of the field are on no path to the unit.");
    }
    const unseen = n - 1 - interval(field, field.out - 1)[1];
    if (unseen > 0) {
      lines.push(`No unit sees the last ${unseen === 1 ? "row and column" : `${unseen} rows and columns`}.`);
    }
    return lines;
  }

  function update() {
    const now = state(), { layers, chosen, size: n } = now, all = fields(now);
    preset.value = Object.entries(PRESETS).find(([, [own, list]]) =>
      own === n && JSON.stringify(list) === JSON.stringify(layers))?.[0] ?? "";
    size.show(n, String(n));
    if (rows.length !== layers.length) {
      const focused = rows.some(({ name }) => name === document.activeElement);
      rows = layers.map(newRow);
      body.replaceChildren(...rows.map(({ row }) => row));
      if (focused) rows[Math.min(chosen, rows.length - 1)].name.focus();
    }
    rows.forEach(({ name, cells, row }, i) => {
      const { size: r, jump, start, out } = all[i], own = i === chosen;
      name.textContent = layers[i][0];
      name.setAttribute("aria-pressed", String(own));
      row.classList.toggle("chosen", own);
      const values = [...layers[i].slice(1), r, jump, number(start), out || "none"];
      cells.forEach((cell, j) => { cell.textContent = values[j]; });
    });
    const own = Math.min(chosen, layers.length - 1), field = all[own];
    numbers.forEach(({ show }, i) => show(layers[own][i + 1], String(layers[own][i + 1])));
    buttons.up.disabled = own === 0;
    buttons.down.disabled = own === layers.length - 1;
    buttons.remove.disabled = layers.length === 1;
    buttons.add.disabled = layers.length >= MOST_LAYERS;
    let lines;
    if (field.out) {
      const units = now.place.map((place) => nearest(field, n, place));
      lines = say(now, field, units, draw(now, field, units));
    } else {
      svg.replaceChildren();
      canvas.width = canvas.height = 1;
      const first = all.findIndex(({ out }) => !out);
      lines = [`${layers[first][0]} does not fit`,
        "Its kernel spans more rows than what lies below it has, padding included."];
    }
    svg.setAttribute("aria-label", `Input of ${square(n)} pixels. ${lines.slice(0, 1).join("")}. ` +
      (lines[3] ?? ""));
    status.replaceChildren(...lines.map((text, i) =>
      element("p", i ? {} : { class: "formula" }, text)));
  }

  return live(el, root, model, NAMES, update);
}

export default { render };
