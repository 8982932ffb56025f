// The playground's page: controls, the network as a picture, the map and the losses. figure.js,
// playground_data.js and playground_network.js stand before this file.

const EDGE = 1.1 * REACH; // where the maps end
const PIXELS = 50; // of a map, along each side
const POSITIVE = [0, 114, 178], NEGATIVE = [213, 94, 0];

/** The middle of every pixel, row by row from the top. */
const pixels = Array.from({ length: PIXELS * PIXELS }, (_, i) => {
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
class Drawing {
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
    this.root = element(
      "div", { class: "network", style: `--unit: ${UNIT}px; --inputs: ${INPUTS_WIDTH}px` },
      element("span", { class: "caption" }, "inputs"), this.svg, 
      ...this.inputs.map(({ label }) => label), this.units,
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
    hidden.forEach((size, l) => { this.sizes[l].value = size; });
    const caption = element("span", { class: "caption" }, "output");
    this.heads = [...this.sizes.slice(0, hidden.length), caption];
    this.units.replaceChildren(...this.buttons.flat(), ...this.heads);
    this.strokes = network.layers.map(({ weight }) =>
      Array.from(weight, () => element("line", {})));
    this.lines.replaceChildren(...this.strokes.flat());
    this.place();
  }

  /** Positions, from the width that there is. */
  place() {
    const width = this.root.clientWidth;
    const column = (width - INPUTS_WIDTH) / this.buttons.length;
    const left = (l) => INPUTS_WIDTH + column * (l + 0.5);
    const top = (n) => HEAD + ROW * (n + 0.5);
    const rows = Math.max(this.inputs.length, ...this.buttons.map((layer) => layer.length));
    const move = (node, x, y) => { node.style.transform = `translate(${x}px, ${y}px)`; };
    this.inputs.forEach(({ label }, i) => move(label, 0, top(i) - UNIT / 2));
    const places = this.buttons.map((layer, l) =>
      layer.map((_, n) => [left(l), top(n + (rows - layer.length) / 2)]));
    this.buttons.forEach((layer, l) => layer.forEach((button, n) => {
      const [x, y] = places[l][n];
      move(button, x - UNIT / 2, y - UNIT / 2);
    }));
    this.heads.forEach((head, l) => move(head, left(l) - 24, 0));
    const sources = [
      this.shown.map((key) =>
        [INPUTS_WIDTH - UNIT / 2, top(Object.keys(INPUTS).indexOf(key))]),
      ...places,
    ];
    this.strokes.forEach((lines, l) => lines.forEach((line, i) => {
      const { inputs } = this.network.layers[l];
      const [x1, y1] = sources[l][i % inputs], [x2, y2] = places[l][Math.floor(i / inputs)];
      const ends = { x1: x1 + UNIT / 2, y1, x2: x2 - UNIT / 2, y2 };
      for (const [name, value] of Object.entries(ends)) line.setAttribute(name, value);
    }));
    this.svg.setAttribute("width", width);
    this.svg.setAttribute("height", HEAD + ROW * rows);
    this.root.style.height = `${HEAD + ROW * rows}px`;
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

const MOST_LAYERS = 4, MOST_UNITS = 8;
const INPUTS_WIDTH = 106, HEAD = 40, ROW = 40, UNIT = 30;

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
    const top = 1.05 * Math.max(0.5, ...losses.flat().filter(Number.isFinite));
    const inner = CHART.width - CHART.left - CHART.right;
    const across = (epoch) => CHART.left + (inner * epoch) / last;
    const up = (loss) => CHART.top + CHART.inner * (1 - loss / top);
    const stride = Math.ceil(losses.length / inner);
    const path = (which) => losses
      .map((pair, epoch) => [epoch, pair[which]])
      .filter(([epoch, loss]) =>
        Number.isFinite(loss) && (epoch % stride === 0 || epoch === losses.length - 1))
      .map(([epoch, loss], i) => `${i ? "L" : "M"}${across(epoch).toFixed(1)} ${up(loss).toFixed(1)}`)
      .join("");
    const foot = CHART.top + CHART.inner;
    this.plot.replaceChildren(
      ...[0, 0.25, 0.5].flatMap((loss) => [
        element("line", { class: "grid", x1: CHART.left, x2: CHART.left + inner,
          y1: up(loss), y2: up(loss) }),
        element("text", { x: CHART.left - 4, y: up(loss) + 4, "text-anchor": "end" }, String(loss)),
      ]),
      element("path", { class: "test-loss", d: path(1) }),
      element("path", { class: "train-loss", d: path(0) }),
      element("text", { x: CHART.left, y: foot + 15, "text-anchor": "middle" }, "0"),
      element("text", { x: CHART.left + inner, y: foot + 15, "text-anchor": "end" }, String(last)),
      element("text", { x: CHART.left + inner / 2, y: foot + 15, "text-anchor": "middle" }, "epochs"),
    );
  }
}

const RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3];
const STRENGTHS = [0.0001, 0.001, 0.003, 0.01, 0.03, 0.1];
const NAMES = { circle: "circle", xor: "XOR", gaussians: "two Gaussians", spiral: "spiral" };
// A change of these begins a new run; the others change the run that is on.
const RESTARTING = ["dataset", "noise", "share", "inputs", "hidden", "activation", "seed"];
const RUNNING = ["batch", "rate", "penalty", "strength"];

function render({ model, el }) {
  const settings = () =>
    Object.fromEntries([...RESTARTING, ...RUNNING].map((name) => [name, model.get(name)]));
  const set = (name, value) => {
    model.set(name, value);
    model.save_changes();
  };
  let run, views, chosen, playing = 0, drawn = 0;

  const button = (text, action) => {
    const made = element("button", { type: "button" }, text);
    made.addEventListener("click", action);
    return made;
  };
  const controls = [];
  const choice = (label, name, options) => {
    const select = element("select", {});
    const show = () => {
      const value = model.get(name);
      const all = new Map(options);
      if (!all.has(value)) all.set(value, String(value)); // a preset that the list lacks
      select.replaceChildren(...[...all].map(([key, text]) => element("option", { value: key }, text)));
      select.value = value;
    };
    select.addEventListener("change", () => {
      const number = typeof model.get(name) === "number";
      set(name, number ? Number(select.value) : select.value);
    });
    controls.push(show);
    return element("label", {}, label, select);
  };
  const slider = (label, name, min, max, step, unit = "") => {
    const range = element("input", { type: "range", min, max, step });
    const shown = element("span", { class: "value" });
    range.addEventListener("input", () => set(name, range.valueAsNumber));
    controls.push(() => {
      range.value = model.get(name);
      shown.textContent = `${model.get(name)}${unit}`;
      range.setAttribute("aria-valuetext", shown.textContent);
    });
    return element("label", {}, element("span", {}, `${label} `, shown), range);
  };
  const numbers = (values) => values.map((value) => [value, String(value)]);

  const seed = element("input", { type: "number", min: 0, max: 9999, step: 1 });
  seed.addEventListener("change", () => {
    if (seed.value !== "" && seed.checkValidity()) set("seed", seed.valueAsNumber);
  });
  controls.push(() => { seed.value = model.get("seed"); });
  const layers = element("select", {}, ...Array.from({ length: MOST_LAYERS + 1 }, (_, n) =>
    element("option", { value: n }, n)));
  layers.addEventListener("change", () => {
    const hidden = model.get("hidden"), count = Number(layers.value);
    set("hidden", Array.from({ length: count }, (_, l) => hidden[l] ?? hidden.at(-1) ?? 4));
  });
  controls.push(() => { layers.value = model.get("hidden").length; });
  const showTest = element("input", { type: "checkbox" });
  showTest.addEventListener("change", () => set("show_test", showTest.checked));
  controls.push(() => { showTest.checked = model.get("show_test"); });

  const drawing = new Drawing({
    choose: (layer, unit) => {
      chosen = [layer, unit];
      draw();
    },
    resize: (layer, size) =>
      set("hidden", model.get("hidden").map((old, l) => (l === layer ? size : old))),
    switchInput: (key, on) => set("inputs", Object.keys(INPUTS).filter((name) =>
      (name === key ? on : model.get("inputs").includes(name)))),
  });
  const field = new Field(), chart = new Chart();
  const play = button("Play", () => (playing ? pause() : start()));
  const step = button("Step", () => {
    pause();
    run.advance();
    draw();
    say();
  });
  const reset = button("Reset", restart);
  const readout = element("p", { class: "readout" });
  const title = element("p", { class: "name" });
  const expression = element("p", { class: "formula" });
  const status = element("div", { class: "figure-status", "aria-live": "polite" });
  const root = element(
    "div", { class: "course-figure playground", role: "group", "aria-label": model.get("alt") },
    element("div", { class: "bar" },
      element("div", { class: "figure-buttons" }, play, step, reset), readout),
    element("div", { class: "figure-panel left" }, drawing.root),
    element(
      "div", { class: "figure-panel right" },
      title, field.root, element("label", {}, showTest, "Show the test points"),
    ),
    element("div", { class: "figure-panel left" }, chart.svg),
    element("div", { class: "figure-panel right" }, expression, status),
    element(
      "div", { class: "settings" },
      choice("Data", "dataset", Object.entries(NAMES)),
      slider("Noise", "noise", 0, 50, 5, " %"),
      slider("For training", "share", 10, 90, 10, " %"),
      slider("Batch size", "batch", 1, 30, 1),
      choice("Activation", "activation",
        Object.entries(ACTIVATIONS).map(([key, { name }]) => [key, name])),
      choice("Learning rate", "rate", numbers(RATES)),
      choice("Penalty", "penalty", [["none", "none"], ["L1", "L1"], ["L2", "L2"]]),
      choice("Strength", "strength", numbers(STRENGTHS)),
      element("label", {}, "Hidden layers", layers),
      element("label", {}, "Seed", seed),
    ),
    element(
      "p", { class: "figure-key" },
      "Circles are labeled +1, squares −1; points for training are filled, points for testing hollow. " +
        "Maps: blue is positive, striped orange negative, the line lies between them. " +
        "Lines: the thicker, the larger the weight; dashed where it is negative. " +
        "Losses: thick on the training points, dashed on the test points. " +
        "Press a unit to see its map large. Learning rate, batch size and penalty may change during " +
        "a run; every other change begins a new one.",
    ),
  );

  function say(extra) {
    const [train, test] = run.losses.at(-1);
    const wrong = run.test.filter(({ x, label }) => run.network.forward(x) * label <= 0).length;
    const text = extra ?? (Number.isFinite(train) ?
      `Epoch ${run.epochs}: loss ${short(train)} on the training points, ${short(test)} on the test ` +
        `points, of which ${wrong} of ${run.test.length} are on the wrong side.` :
      "The weights have grown beyond all numbers: the learning rate is too large. Press Reset.");
    status.replaceChildren(element("p", {}, text));
  }

  function draw() {
    const found = maps(run.network, views);
    const [layer, unit] = chosen;
    const output = layer === run.network.layers.length - 1;
    const [train, test] = run.losses.at(-1);
    drawing.update(found, chosen);
    const sigmoid = run.network.layers[layer].activation === ACTIVATIONS.sigmoid;
    field.update(found[layer][unit], sigmoid ? 0.5 : 0, model.get("show_test"));
    chart.update(run.losses);
    const names = layer ?
      drawing.buttons[layer - 1].map((_, n) => `h${subscript(n + 1)}`) :
      model.get("inputs").map((name) => INPUTS[name][0]);
    const name = output ? "Output" : `Layer ${layer + 1}, unit ${unit + 1}`;
    title.textContent = name;
    expression.textContent = formula(run.network.layers[layer], unit, names);
    readout.textContent =
      `epoch ${run.epochs} · loss: training ${train.toFixed(3)}, test ${test.toFixed(3)}`;
    field.svg.setAttribute("aria-label", `${name}, its map over the points.`);
    chart.svg.setAttribute("aria-label", "Losses over the epochs.");
  }

  /** The same settings begin the same run. */
  function restart() {
    pause();
    run = new Run(settings());
    views = pixels.map((place) => see(place, run.settings.inputs));
    chosen = [run.network.layers.length - 1, 0];
    drawing.build(run.settings, run.network);
    field.build(run);
    draw();
    say();
  }

  /** An epoch a frame; who prefers less motion gets a picture a second. */
  function tick(time) {
    playing = requestAnimationFrame(tick);
    run.advance();
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (Number.isFinite(run.losses.at(-1)[0])) {
      if (still && time - drawn < 1000) return;
      drawn = time;
      draw();
    } else {
      pause();
    }
  }
  function start() {
    playing = requestAnimationFrame(tick);
    play.textContent = "Pause";
  }
  function pause() {
    if (!playing) return;
    cancelAnimationFrame(playing);
    playing = 0;
    play.textContent = "Play";
    draw();
    say();
  }

  const showControls = () => controls.forEach((show) => show());
  const changed = {
    restarting: () => { showControls(); restart(); },
    running: () => { showControls(); Object.assign(run.settings, settings()); },
    shown: () => { showControls(); draw(); },
  };
  const events = {
    restarting: RESTARTING.map((name) => `change:${name}`).join(" "),
    running: RUNNING.map((name) => `change:${name}`).join(" "),
    shown: "change:show_test",
  };

  // The book's pages turn with the arrows that move the sliders.
  root.addEventListener("keydown", (event) => event.stopPropagation());
  el.append(root);
  changed.restarting();
  const resized = new ResizeObserver(() => drawing.place());
  resized.observe(drawing.root);
  for (const kind of Object.keys(changed)) model.on(events[kind], changed[kind]);
  return () => {
    pause();
    resized.disconnect();
    for (const kind of Object.keys(changed)) model.off(events[kind], changed[kind]);
  };
}

export default { render };
