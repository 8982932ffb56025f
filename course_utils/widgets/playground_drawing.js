// The playground's pictures: maps, the network, the points, the losses. figure.js and
// playground_data.js stand before this file.

const EDGE = 1.1 * REACH; // where the maps end
const PIXELS = 50; // of a map, along each side
const MOST_LAYERS = 4, MOST_UNITS = 8;
const HEAD = 40, ROW = 40; // pixels for the numbers of units, and for each unit
const POSITIVE = [0, 114, 178], NEGATIVE = [213, 94, 0];

/** The middle of every pixel, row by row from the top. */
export const pixels = Array.from({ length: PIXELS * PIXELS }, (_, i) => {
  const [row, column] = [Math.floor(i / PIXELS), i % PIXELS];
  return [column, PIXELS - 1 - row].map((k) => EDGE * ((2 * k + 1) / PIXELS - 1));
});

/** What every unit answers at every pixel, layer by layer. */
export function maps(network, views) {
  const found = network.layers.map(({ y }) => Array.from(y, () => new Float64Array(views.length)));
  views.forEach((x, i) => {
    network.forward(x);
    network.layers.forEach(({ y }, l) => y.forEach((value, n) => { found[l][n][i] = value; }));
  });
  return found;
}

/** Where a map crosses a level: straight pieces, each in one square between four pixels. */
export function contour(map, level) {
  const pieces = [];
  const value = (column, row) => map[row * PIXELS + column] - level;
  for (let row = 0; row + 1 < PIXELS; row++) {
    for (let column = 0; column + 1 < PIXELS; column++) {
      const corners = [[0, 0], [1, 0], [1, 1], [0, 1]].map(([right, down]) =>
        [column + right, row + down, value(column + right, row + down)]);
      const crossings = corners.flatMap(([x, y, here], k) => {
        const [nextX, nextY, next] = corners[(k + 1) % 4];
        if (here > 0 === next > 0) return [];
        const t = here / (here - next);
        return [[x + t * (nextX - x), y + t * (nextY - y)]];
      });
      for (let k = 0; k < crossings.length; k += 2) pieces.push([crossings[k], crossings[k + 1]]);
    }
  }
  return pieces;
}

/** Colors for a map on a canvas: full at ±1, none at 0, negative values also striped. */
function paint(canvas, map) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(PIXELS, PIXELS);
  map.forEach((value, i) => {
    const striped = value < 0 && (Math.floor(i / PIXELS) + i % PIXELS) % 10 < 5;
    const [red, green, blue] = value < 0 ? NEGATIVE : POSITIVE;
    const strength = Math.min(1, Math.abs(value)) * (striped ? 0.48 : 0.68);
    image.data.set([red, green, blue, 255 * strength], 4 * i);
  });
  context.putImageData(image, 0, 0);
}

const newMap = () => element("canvas", { width: PIXELS, height: PIXELS, "aria-hidden": "true" });
const subscript = (n) => [...String(n)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[digit]).join("");
const short = (value) => number(Number(value.toPrecision(2)));

/** One unit as a formula, such as tanh(0.5 x₁ − 1.2 x₂ + 0.1). */
export function formula({ weight, bias, inputs, activation }, unit, names) {
  const terms = names.map((name, m) => [weight[unit * inputs + m], ` ${name}`]);
  const text = [...terms, [bias[unit], ""]].map(([w, name], i) => {
    const sign = w < 0 ? "−" : "+";
    return `${i ? ` ${sign} ` : w < 0 ? "−" : ""}${short(Math.abs(w))}${name}`;
  }).join("");
  return activation.name === "linear" ? text : `${activation.name}(${text})`;
}

/** Weights as lines between the units, and each unit as a small map that can be chosen. */
class Diagram {
  constructor({ choose, resize, switchInput }) {
    this.choose = choose;
    this.lines = element("g", {});
    this.svg = element("svg", { class: "weights", "aria-hidden": "true" }, this.lines);
    this.units = element("div", { class: "units" });
    this.sizes = Array.from({ length: MOST_LAYERS }, (_, l) => {
      const select = element(
        "select", { "aria-label": `Units in layer ${l + 1}` },
        ...Array.from({ length: MOST_UNITS }, (_, n) => element("option", { value: n + 1 }, n + 1)),
      );
      select.addEventListener("change", () => resize(l, Number(select.value)));
      return select;
    });
    this.inputs = Object.entries(INPUTS).map(([key, [name, value]]) => {
      const box = element("input", { type: "checkbox" });
      box.addEventListener("change", () => switchInput(key, box.checked));
      const map = newMap();
      paint(map, pixels.map(([x1, x2]) => value(x1, x2)));
      return { key, box, label: element("label", { class: "input" }, box, name, map) };
    });
    this.output = element("span", { class: "caption" }, "output");
    this.root = element(
      "div", { class: "network" },
      this.svg, element("span", { class: "caption given" }, "inputs"),
      ...this.inputs.map(({ label }) => label),
      ...this.sizes, this.units, this.output,
    );
  }

  /** New units for a new network. */
  build({ inputs, hidden }, network) {
    this.network = network;
    this.shown = inputs;
    for (const { key, box, label } of this.inputs) {
      box.checked = inputs.includes(key);
      box.disabled = inputs.length === 1 && box.checked; // a network needs an input
      label.classList.toggle("off", !box.checked);
    }
    this.buttons = network.layers.map(({ outputs }, l) => Array.from({ length: outputs }, (_, n) => {
      const output = l === hidden.length;
      const button = element(
        "button",
        { type: "button", class: "unit",
          "aria-label": output ? "Output" : `Layer ${l + 1}, unit ${n + 1}` },
        newMap(),
      );
      button.addEventListener("click", () => this.choose(l, n));
      return button;
    }));
    this.sizes.forEach((select, l) => {
      select.hidden = l >= hidden.length;
      if (!select.hidden) select.value = hidden[l];
    });
    this.units.replaceChildren(...this.buttons.flat());
    this.strokes = network.layers.map(({ weight }) =>
      Array.from(weight, () => element("line", {})));
    this.lines.replaceChildren(...this.strokes.flat());
    this.place();
  }

  /** Positions, from the width that there is: a phone has smaller units. */
  place() {
    const width = this.root.clientWidth, columns = this.buttons.length;
    const unit = Math.round(Math.max(24, Math.min(30, (width - 100) / columns - 12)));
    const start = 76 + unit; // checkbox, name, map
    const column = (width - start) / columns;
    const rows = Math.max(this.inputs.length, ...this.buttons.map((layer) => layer.length));
    const left = (l) => start + column * (l + 0.5);
    const top = (n) => HEAD + ROW * (n + 0.5);
    const move = (node, ...to) => {
      node.style.transform = `translate(${to.map((t) => `${Math.round(t)}px`)})`;
    };

    this.root.style.height = `${HEAD + ROW * rows}px`;
    for (const [name, value] of Object.entries({ unit, start, column })) {
      this.root.style.setProperty(`--${name}`, `${value}px`);
    }
    this.inputs.forEach(({ label }, i) => move(label, 0, top(i) - unit / 2));
    this.sizes.forEach((select, l) => move(select, left(l) - column / 2, 0));
    move(this.output, left(columns - 1) - column / 2, 0);
    const places = this.buttons.map((layer, l) =>
      layer.map((_, n) => [left(l), top(n + (rows - layer.length) / 2)]));
    this.buttons.forEach((layer, l) => layer.forEach((button, n) => {
      const [x, y] = places[l][n];
      move(button, x - unit / 2, y - unit / 2);
    }));

    // Lines begin and end at the edges of the maps.
    const given = this.shown.map((name) =>
      [start - unit / 2, top(this.inputs.findIndex(({ key }) => key === name))]);
    const sources = [given, ...places];
    this.strokes.forEach((lines, l) => lines.forEach((line, i) => {
      const { inputs } = this.network.layers[l];
      const [x1, y1] = sources[l][i % inputs], [x2, y2] = places[l][Math.floor(i / inputs)];
      const ends = { x1: x1 + unit / 2, y1, x2: x2 - unit / 2, y2 };
      for (const [name, value] of Object.entries(ends)) line.setAttribute(name, value);
    }));
  }

  update(found, [chosenLayer, chosenUnit]) {
    this.buttons.forEach((layer, l) => layer.forEach((button, n) => {
      paint(button.firstChild, found[l][n]);
      button.setAttribute("aria-pressed", l === chosenLayer && n === chosenUnit);
    }));
    this.strokes.forEach((lines, l) => lines.forEach((line, i) => {
      const w = this.network.layers[l].weight[i];
      line.setAttribute("class", w < 0 ? "negative" : "positive");
      line.setAttribute("stroke-width", w ? Math.min(7, 0.4 + 2 * Math.abs(w)) : 0);
    }));
  }
}

const FRAME = { left: 30, top: 8, size: 260 }, SIZE = 300;
const across = (x) => FRAME.left + (FRAME.size * (x + EDGE)) / (2 * EDGE);
const up = (y) => FRAME.top + (FRAME.size * (EDGE - y)) / (2 * EDGE);

/** The map of the chosen unit under the points. */
class Field {
  constructor() {
    this.canvas = newMap();
    this.points = element("g", { class: "points" });
    this.border = element("path", { class: "border" });
    const ticks = [-REACH, 0, REACH];
    this.svg = element(
      "svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, role: "img" },
      element("rect", { class: "frame", x: FRAME.left, y: FRAME.top,
        width: FRAME.size, height: FRAME.size }),
      this.border, this.points,
      ...ticks.map((t) => element("text", { x: across(t), y: FRAME.top + FRAME.size + 15,
        "text-anchor": "middle" }, number(t))),
      ...ticks.map((t) => element("text", { x: FRAME.left - 5, y: up(t) + 4,
        "text-anchor": "end" }, number(t))),
      element("text", { x: across(REACH / 2), y: SIZE - 6, "text-anchor": "middle" }, "x₁"),
      element("text", { x: 4, y: up(REACH / 2) }, "x₂"),
    );
    this.root = element("div", { class: "map" }, this.canvas, this.svg);
  }

  /** Circles for +1, squares for −1; filled for training, hollow for testing. */
  build({ train, test }) {
    const mark = ({ place: [x, y], label }) => {
      const [a, b] = [across(x).toFixed(1), up(y).toFixed(1)];
      return label > 0 ? `M${a - 3} ${b}a3 3 0 1 0 6 0a3 3 0 1 0 -6 0` :
        `M${a - 2.6} ${b - 2.6}h5.2v5.2h-5.2z`;
    };
    const inside = ({ place }) => place.every((x) => Math.abs(x) < EDGE);
    const draw = (points, kind) => [1, -1].map((label) => element("path", {
      class: `${kind} ${label > 0 ? "plus" : "minus"}`,
      d: points.filter((p) => p.label === label && inside(p)).map(mark).join(""),
    }));
    this.points.replaceChildren(...draw(train, "train"), ...draw(test, "test"));
  }

  update(map, level, showTest) {
    paint(this.canvas, map);
    const at = ([column, row]) => {
      const [x, y] = [column, row].map((k) => (FRAME.size * (k + 0.5)) / PIXELS);
      return `${(FRAME.left + x).toFixed(1)} ${(FRAME.top + y).toFixed(1)}`;
    };
    this.border.setAttribute("d",
      contour(map, level).map(([from, to]) => `M${at(from)}L${at(to)}`).join(""));
    for (const path of this.points.querySelectorAll(".test")) {
      path.style.display = showTest ? "" : "none";
    }
  }
}

const CHART = { width: 300, left: 34, top: 8, right: 8, inner: 84, height: 124 };

/** Both losses over the epochs. */
class Chart {
  constructor() {
    this.plot = element("g", {});
    this.svg = element(
      "svg", { viewBox: `0 0 ${CHART.width} ${CHART.height}`, role: "img", class: "losses" }, this.plot,
    );
  }

  update(losses) {
    const last = Math.max(1, losses.length - 1);
    const inner = CHART.width - CHART.left - CHART.right;
    const shown = []; // not more epochs than the chart has room for
    for (let epoch = 0; epoch < last; epoch += Math.ceil(last / inner)) shown.push(epoch);
    shown.push(losses.length - 1);
    const top = 1.05 * Math.max(0.5, ...shown.flatMap((epoch) => losses[epoch]));
    const across = (epoch) => CHART.left + (inner * epoch) / last;
    const up = (loss) => CHART.top + CHART.inner * (1 - loss / top);
    const path = (which) => shown
      .map((epoch) => `${across(epoch).toFixed(1)} ${up(losses[epoch][which]).toFixed(1)}`)
      .join("L");
    const foot = CHART.top + CHART.inner;
    this.plot.replaceChildren(
      ...[0, 0.25, 0.5].flatMap((loss) => [
        element("line", { class: "grid", x1: CHART.left, x2: CHART.left + inner,
          y1: up(loss), y2: up(loss) }),
        element("text", { x: CHART.left - 4, y: up(loss) + 4, "text-anchor": "end" }, String(loss)),
      ]),
      element("path", { class: "test-loss", d: `M${path(1)}` }),
      element("path", { class: "train-loss", d: `M${path(0)}` }),
      element("text", { x: CHART.left, y: foot + 15, "text-anchor": "middle" }, "0"),
      element("text", { x: CHART.left + inner, y: foot + 15, "text-anchor": "end" }, String(last)),
      element("text", { x: CHART.left + inner / 2, y: foot + 15, "text-anchor": "middle" }, "epochs"),
    );
  }
}
