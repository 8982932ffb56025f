// The units of a small network, on digits that the reader changes. figure.js stands before this.

const SIDE = 28, LEVELS = 15, TOP = 8;
const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

/** The weights and biases of the three layers, as Float32Arrays with their shapes. */
export function network({ shapes, numbers }) {
  const all = new Float32Array(bytes(numbers).buffer);
  let start = 0;
  const take = (count) => all.subarray(start, (start += count));
  return shapes.map((shape) => ({
    shape, weight: take(shape.reduce((a, b) => a * b)), bias: take(shape[0]),
  }));
}

/** Images of 784 numbers in [0, 1]. */
export function pictures(text) {
  const packed = bytes(text), half = (SIDE * SIDE) / 2;
  return Array.from({ length: packed.length / half }, (_, i) =>
    Float64Array.from({ length: 2 * half }, (_, p) => {
      const pair = packed[i * half + (p >> 1)];
      return (p % 2 ? pair & 15 : pair >> 4) / LEVELS;
    }));
}

/** Cross-correlation of maps (C, side, side) with zeros around, then ReLU. */
function convolve({ shape: [out, into, size], weight, bias }, maps, side) {
  const answer = new Float64Array(out * side * side), reach = (size - 1) / 2;
  for (let o = 0; o < out; o++) {
    const start = o * side * side;
    answer.fill(bias[o], start, start + side * side);
    for (let c = 0; c < into; c++) {
      for (let i = 0; i < size; i++) {
        for (let j = 0; j < size; j++) {
          const w = weight[((o * into + c) * size + i) * size + j];
          const dy = i - reach, dx = j - reach;
          const [first, last] = [Math.max(0, -dx), Math.min(side, side - dx)];
          for (let y = Math.max(0, -dy); y < Math.min(side, side - dy); y++) {
            const from = (c * side + y + dy) * side + dx, to = start + y * side;
            for (let x = first; x < last; x++) answer[to + x] += w * maps[from + x];
          }
        }
      }
    }
  }
  return answer.map((value) => Math.max(0, value));
}

/** The largest of every 2 × 2 window. */
function pool(maps, side) {
  const half = side / 2;
  return Float64Array.from({ length: maps.length / 4 }, (_, i) => {
    const x = 2 * (i % half), line = 2 * Math.floor(i / half) * side + x;
    return Math.max(maps[line], maps[line + 1], maps[line + side], maps[line + side + 1]);
  });
}

/** What the three layers answer to an image. */
export function answers([first, second, last], image) {
  const one = convolve(first, image, SIDE);
  const two = convolve(second, pool(one, SIDE), SIDE / 2);
  const seen = pool(two, SIDE / 2);
  const scores = Float64Array.from(last.bias, (bias, k) =>
    seen.reduce((sum, value, i) => sum + value * last.weight[k * seen.length + i], bias));
  return [one, two, scores];
}

/** The map of a unit, the largest answer in it and where that is. */
export function look(found, net, layer, unit) {
  const all = found[layer - 1], size = all.length / net[layer - 1].shape[0];
  const map = all.subarray(unit * size, (unit + 1) * size);
  let best = 0;
  map.forEach((value, i) => { if (value > map[best]) best = i; });
  const side = Math.sqrt(size);
  return { map, side, value: map[best], row: Math.floor(best / side), column: best % side };
}

/** First row, first column and size of what a unit at this place sees. */
export function field(net, layer, row, column) {
  if (layer === 3) return [0, 0, SIDE];
  const [first, second] = net.slice(0, 2).map(({ shape }) => (shape[2] - 1) / 2);
  if (layer === 1) return [row - first, column - first, 2 * first + 1];
  return [2 * (row - second) - first, 2 * (column - second) - first, 2 * (2 * second + 1 + first)];
}

/** Softmax of the scores. */
export function chances(scores) {
  const largest = Math.max(...scores), powers = [...scores].map((s) => Math.exp(s - largest));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((p) => p / sum);
}

/** An image moved by whole pixels; zeros come in. */
export function shifted(image, dy, dx) {
  return image.map((_, p) => {
    const [y, x] = [Math.floor(p / SIDE) - dy, (p % SIDE) - dx];
    return y < 0 || y >= SIDE || x < 0 || x >= SIDE ? 0 : image[y * SIDE + x];
  });
}

/** A dot of ink at a place, or the ink there taken away. */
export function dot(levels, row, column, ink) {
  const changed = [...levels];
  for (const [dy, dx] of [[0, 0], [0, 1], [0, -1], [1, 0], [-1, 0]]) {
    const [y, x] = [row + dy, column + dx];
    if (y < 0 || y >= SIDE || x < 0 || x >= SIDE) continue;
    const level = dy || dx ? 10 : LEVELS, at = y * SIDE + x;
    changed[at] = ink ? Math.max(changed[at], level) : 0;
  }
  return changed;
}

function paint(canvas, width, height, color) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d"), data = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) data.data.set([...color(i), 255], 4 * i);
  context.putImageData(data, 0, 0);
}

const gray = (value) => Array(3).fill(Math.round(255 * Math.max(0, Math.min(1, value))));

/** Orange for positive weights, blue for negative ones, white for 0. */
const signed = (value) => {
  const end = value > 0 ? [184, 77, 0] : [0, 84, 150], share = Math.min(1, Math.abs(value));
  return end.map((c) => Math.round(255 + share * (c - 255)));
};

/** A list to choose from whose options depend on other choices. */
const changing = (label, onChange) => {
  const select = element("select");
  select.addEventListener("change", () => onChange(Number(select.value)));
  const fill = (options) => select.replaceChildren(
    ...options.map(([value, text]) => element("option", { value }, text)));
  return { select, fill, row: element("label", {}, label, select) };
};

const two = (value) => number(Math.round(100 * value) / 100);

function render({ model, el }) {
  const NAMES = ["chosen", "layer", "unit", "drawn"];
  const net = network(model.get("network")), images = pictures(model.get("images"));
  const labels = model.get("labels");
  const set = setter(model);
  const levels = () => {
    const drawn = model.get("drawn");
    return drawn.length ? drawn : [...images[model.get("chosen")]].map((v) => Math.round(v * LEVELS));
  };
  // Where each unit answers most in each image: found once, kept without the maps.
  const best = images.map((image) => {
    const found = answers(net, image);
    return net.map(({ shape }, l) => Array.from({ length: shape[0] }, (_, unit) => {
      const { value, row, column } = look(found, net, l + 1, unit);
      return { value, row, column };
    }));
  });
  let cursor = [14, 14], ink = true;

  const digit = changing("Digit", (value) => set({ drawn: [], chosen: labels.indexOf(value) }));
  digit.fill([...new Set(labels)].sort((a, b) => a - b).map((k) => [k, String(k)]));
  const next = element("button", { type: "button" }, "Another one");
  next.addEventListener("click", () => {
    const now = model.get("chosen"), same = labels.flatMap((k, i) => (k === labels[now] ? [i] : []));
    set({ drawn: [], chosen: same[(same.indexOf(now) + 1) % same.length] });
  });
  const layer = changing("Layer", (value) => set({ unit: 0, layer: value }));
  layer.fill([[1, "1: first convolution"], [2, "2: second convolution"], [3, "3: class scores"]]);
  const unit = changing("Unit", (value) => set({ unit: value }));
  const pen = changing("Pen", (value) => { ink = value === 1; });
  pen.fill([[1, "draws"], [0, "erases"]]);
  const press = (text, label, change) => {
    const button = element("button", { type: "button", ...(label ? { "aria-label": label } : {}) }, text);
    button.addEventListener("click", () => set({ drawn: change() }));
    return button;
  };
  const move = (dy, dx) => () => shifted(levels(), dy, dx);
  const tools = [
    press("←", "Shift the image left", move(0, -1)), press("→", "Shift the image right", move(0, 1)),
    press("↑", "Shift the image up", move(-1, 0)), press("↓", "Shift the image down", move(1, 0)),
    press("Clear", "", () => Array(SIDE * SIDE).fill(0)), press("As it came", "", () => []),
  ];

  const canvas = element("canvas"), overlay = element("svg", {
    viewBox: `0 0 ${SIDE} ${SIDE}`, "aria-hidden": "true" });
  const stage = element("div", {
    class: "stage", tabindex: 0, role: "application", "aria-roledescription": "drawing" },
  canvas, overlay);
  const touch = ([row, column]) => {
    cursor = [row, column].map((i) => Math.max(0, Math.min(SIDE - 1, i)));
    set({ drawn: dot(levels(), ...cursor, ink) });
  };
  const under = (event) => {
    const box = stage.getBoundingClientRect();
    return [Math.floor(((event.clientY - box.top) / box.height) * SIDE),
      Math.floor(((event.clientX - box.left) / box.width) * SIDE)];
  };
  stage.addEventListener("pointerdown", (event) => {
    stage.setPointerCapture(event.pointerId);
    touch(under(event));
  });
  stage.addEventListener("pointermove", (event) => {
    if (stage.hasPointerCapture(event.pointerId)) touch(under(event));
  });
  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  stage.addEventListener("keydown", (event) => {
    if (event.key === " " || event.key === "Enter") touch(cursor);
    else if (event.key in moves) {
      cursor = cursor.map((i, axis) => Math.max(0, Math.min(SIDE - 1, i + moves[event.key][axis])));
      update();
    } else return;
    event.preventDefault();
  });

  const view = (label) => {
    const picture = element("canvas", { role: "img" }), caption = element("figcaption", {}, label);
    return { picture, caption, made: element("figure", {}, picture, caption) };
  };
  const weights = view("weights"), answer = view("answer");
  const patches = element("div", { class: "patches", role: "group" });
  const status = element("div", { class: "figure-status", "aria-live": "polite" });
  const root = element(
    "div", { class: "course-figure features", role: "group", "aria-label": model.get("alt") },
    element("div", { class: "layout" },
      element("div", { class: "figure-inputs" }, digit.row, next, layer.row, unit.row),
      element("div", { class: "views" },
        element("figure", {}, stage, element("figcaption", {}, "image: draw on it")),
        weights.made, answer.made),
      element("div", { class: "figure-inputs tools" }, pen.row, ...tools),
      status,
      element("p", { class: "heading" }, "What excites this unit most, among the digits here"),
      patches,
      element("p", { class: "figure-key" },
        "Frames: what the unit sees where it answers most. Weights: orange positive, blue negative, " +
          "one tile for each map that the unit reads. Keys in the image: arrows move the pen, space " +
          "sets a dot. A patch, when pressed, becomes the image. Layer 3 has a bar for each class.")),
  );

  /** The image, the frame around a unit's field, and a margin that a field may reach into. */
  function framed(to, image, [row, column, size]) {
    paint(to, SIDE, SIDE, (i) => gray(image[i]));
    const box = { x: column, y: row, width: size, height: size };
    return [element("rect", { ...box, class: "light" }), element("rect", { ...box, class: "dark" })];
  }

  function drawWeights(l, u) {
    const { shape, weight } = net[l - 1];
    const tiles = l === 3 ? net[1].shape[0] : shape[1];
    const size = l === 3 ? SIDE / 4 : shape[2], own = tiles * size * size;
    const values = weight.subarray(u * own, (u + 1) * own);
    const columns = Math.ceil(tiles / Math.max(1, Math.floor(tiles / 4)));
    const lines = Math.ceil(tiles / columns), most = Math.max(...values.map(Math.abs)) || 1;
    const [wide, high] = [columns * (size + 1) - 1, lines * (size + 1) - 1];
    paint(weights.picture, wide, high, (i) => {
      const [y, x] = [Math.floor(i / wide), i % wide];
      const [r, c] = [y % (size + 1), x % (size + 1)];
      const tile = Math.floor(y / (size + 1)) * columns + Math.floor(x / (size + 1));
      if (r === size || c === size || tile >= tiles) return [128, 128, 128];
      return signed(values[(tile * size + r) * size + c] / most);
    });
    const text = `${tiles} × ${size} × ${size} weights, up to ${two(most)}`;
    weights.caption.textContent = text;
    weights.picture.setAttribute("aria-label", text);
  }

  function showPatches(l, u) {
    const order = best.map((found, i) => ({ i, ...found[l - 1][u] }))
      .sort((a, b) => b.value - a.value || a.i - b.i).slice(0, TOP);
    patches.setAttribute("aria-label", "Digits that excite the unit most");
    const had = [...patches.children].indexOf(document.activeElement);
    patches.replaceChildren(...order.map(({ i, value, row, column }) => {
      const small = element("canvas"), svg = element("svg", {
        viewBox: `0 0 ${SIDE} ${SIDE}`, "aria-hidden": "true" });
      svg.append(...framed(small, images[i], field(net, l, row, column)));
      const button = element("button", {
        type: "button", "aria-label": `Digit ${labels[i]}, answer ${two(value)}: make it the image` },
      element("span", { class: "thumb" }, small, svg), element("span", {}, two(value)));
      button.addEventListener("click", () => set({ drawn: [], chosen: i }));
      return button;
    }));
    if (had >= 0) patches.children[had]?.focus();
  }

  let shown = "";
  function update() {
    const [chosen, l, u, drawn] = NAMES.map((name) => model.get(name));
    if (u >= net[l - 1].shape[0]) return; // on the way to another layer
    const image = levels().map((v) => v / LEVELS), found = answers(net, image);
    const { map, side, value, row, column } = look(found, net, l, u);
    digit.select.value = labels[chosen];
    layer.select.value = l;
    const count = net[l - 1].shape[0];
    if (unit.select.options.length !== count) {
      unit.fill(Array.from({ length: count }, (_, i) => [i, String(i)]));
    }
    unit.select.value = u;

    const [cy, cx] = cursor;
    overlay.replaceChildren(...framed(canvas, image, field(net, l, row, column)),
      element("rect", { x: cx, y: cy, width: 1, height: 1, class: "cursor" }));
    const came = best[chosen][l - 1][u], p = chances(found[2]);
    if (l === 3) { // a bar for each class, the chosen one in color
      paint(answer.picture, 40, 40, (i) => {
        const k = Math.floor((i % 40) / 4), lit = i % 4 < 3 && 40 - Math.floor(i / 40) <= 40 * p[k];
        return lit ? (k === u ? [240, 160, 80] : [255, 255, 255]) : [0, 0, 0];
      });
    } else {
      const scale = Math.max(...best.map((each) => each[l - 1][u].value), value, 1e-9);
      paint(answer.picture, side, side, (i) => gray(map[i] / scale));
    }
    const silent = map.filter((v) => v === 0).length / map.length;
    answer.caption.textContent = l === 3 ? "chances of 0 … 9" : `answer: ${side} × ${side} places`;
    answer.picture.setAttribute("aria-label", l === 3 ?
      `Chances: ${p.map((chance, k) => `${k} ${chance.toFixed(2)}`).join(", ")}` :
      `Answer of the unit, at most ${two(value)}`);
    if (shown !== `${l} ${u}`) {
      drawWeights(l, u);
      showPatches(l, u);
      shown = `${l} ${u}`;
    }

    const [first, second] = p.map((_, k) => k).sort((a, b) => p[b] - p[a]);
    const place = l === 3 ? "" : `, largest at row ${row}, column ${column}`;
    const name = l === 3 ? `Score of class ${u}` : `Layer ${l}, unit ${u}`;
    const lines = [
      `${name}: ${two(value)}${place}.`,
      l === 3 ? "It sees all of the image." :
        `It is silent in ${number(Math.round(100 * silent))} % of the places.`,
      `The network reads ${first} (${p[first].toFixed(2)}), then ${second} (${p[second].toFixed(2)}).`,
      drawn.length ? `As it came, the image gave ${two(came.value)}.` : "",
    ];
    status.replaceChildren(...lines.filter(Boolean).map((text, i) =>
      element("p", i ? {} : { class: "formula" }, text)));
    stage.setAttribute("aria-label",
      `Digit ${labels[chosen]}${drawn.length ? ", changed" : ""}. Pen at row ${cy}, column ${cx}.`);
  }

  return live(el, root, model, NAMES, update);
}

export default { render };
