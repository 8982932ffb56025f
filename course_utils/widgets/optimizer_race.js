// Optimizers racing on a landscape. figure.js, descent.js, landscapes.js (the surfaces) and
// optimizers.js (the rules) stand before this file.

const MOST_STEPS = 300, BANDS = 16, FIELD_HEIGHT = 200, STEPS_A_SECOND = 40;

// Each optimizer has a name, a mark of its own and a dash pattern of its own (and a color, by CSS).
const at = (x, y) => `${x.toFixed(1)} ${y.toFixed(1)}`;
const around = (points) => (x, y, r) =>
  `M${points.map(([dx, dy]) => at(x + dx * r, y + dy * r)).join("L")}Z`;
const strokes = (angle) => (x, y, r) => [0, Math.PI / 2].map((turn) => {
  const [dx, dy] = [r * Math.cos(angle + turn), r * Math.sin(angle + turn)];
  return `M${at(x - dx, y - dy)}L${at(x + dx, y + dy)}`;
}).join("");
const disk = (x, y, r) => `M${at(x - r, y)}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;
const RACERS = {
  gd: { name: "GD", dash: "", mark: disk },
  sgd: { name: "SGD", dash: "1 3", mark: strokes(0) },
  momentum: { name: "Momentum", dash: "8 3", mark: around([[-1, -1], [1, -1], [1, 1], [-1, 1]]) },
  nesterov: { name: "Nesterov", dash: "8 3 2 3",
    mark: around([[0, -1.3], [1.1, 0], [0, 1.3], [-1.1, 0]]) },
  adagrad: { name: "Adagrad", dash: "3 3", mark: around([[0, -1.2], [1.2, 1], [-1.2, 1]]) },
  rmsprop: { name: "RMSprop", dash: "12 3 2 3 2 3",
    mark: around([[0, 1.2], [1.2, -1], [-1.2, -1]]) },
  adam: { name: "Adam", dash: "14 4", mark: strokes(Math.PI / 4) },
};

/** At most eight round numbers from low to high. */
export function ticks(low, high) {
  const rough = (high - low) / 7;
  const ten = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((m) => m * ten).find((s) => s >= rough);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(6)));
}

/** Height as shades of gray: as many bands, with about as much ground above the middle as below. */
function shade(canvas, value, [x0, x1, y0, y1]) {
  const { width, height } = canvas;
  const values = new Float64Array(width * height);
  for (let j = 0; j < height; j++) {
    for (let i = 0; i < width; i++) {
      values[j * width + i] =
        value(x0 + ((i + 0.5) * (x1 - x0)) / width, y1 - ((j + 0.5) * (y1 - y0)) / height);
    }
  }
  const sorted = values.filter((_, i) => i % 37 === 0).sort();
  const [low, high] = [sorted[0], sorted.at(-1)];
  const middle = (sorted[sorted.length >> 1] - low) / (high - low || 1);
  const bend = Math.log(0.5) / Math.log(Math.max(1e-9, Math.min(0.9, middle)));
  const bands = values.map((f) =>
    Math.floor(BANDS * Math.max(0, (f - low) / (high - low || 1)) ** bend));
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  bands.forEach((band, i) => {
    const contour = band !== bands[i - 1] || (i >= width && band !== bands[i - width]);
    image.data.fill(128, 4 * i, 4 * i + 3);
    image.data[4 * i + 3] = 10 + (90 * band) / BANDS + (contour ? 70 : 0);
  });
  context.putImageData(image, 0, 0);
}

function render({ model, el }) {
  const NAMES = [
    "landscape", "start", "optimizers", "rates", "scale", "noise", "noisy", "seed", "steps",
  ];
  const settings = () => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
  const known = (key) => model.get("landscapes").find((landscape) => landscape.key === key);
  const info = () => known(model.get("landscape"));
  const set = setter(model);

  // What is raced on, and where it is left: beyond the edge of a given surface nothing is known.
  function ground() {
    const { view: [x0, x1, y0, y1] } = info();
    if (model.get("landscape") === "given") {
      const within = ([x, y]) => x >= x0 && x <= x1 && y >= y0 && y <= y1;
      return { ...grid(model.get("surface"), info().view), within };
    }
    const far = 20 * (x1 - x0);
    return { ...LANDSCAPES[model.get("landscape")], within: (w) => Math.hypot(...w) < far };
  }

  /** Every ticked optimizer's way, all steps of it. */
  function race() {
    const { start, optimizers, rates, scale, noise: size, noisy, seed } = settings();
    const surface = ground();
    const jolts = noise(seed, MOST_STEPS).map((pair) => pair.map((n) => n * size * info().noise));
    return Object.keys(RACERS).filter((key) => optimizers.includes(key)).map((key) => {
      const shaken = noisy === "all" ? key !== "gd" : key === "sgd";
      const way = descend(
        surface, start, key, rates[key] * scale, MOST_STEPS, shaken ? jolts : null, surface.within);
      return { key, ...way };
    });
  }

  const places = choice(
    "Landscape",
    model.get("landscapes").map(({ key, name }) => [key, name]),
    (key) => {
      const { start, rates } = known(key);
      pause();
      set({ landscape: key, start, rates, scale: 1, steps: 0 });
    });
  let timer = null;
  const still = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  const play = button("Play", () => {
    if (timer) return pause();
    if (still()) return set({ steps: MOST_STEPS });
    if (model.get("steps") >= MOST_STEPS) model.set("steps", 0);
    play.textContent = "Pause";
    timer = setInterval(() => {
      model.set("steps", Math.min(MOST_STEPS, model.get("steps") + 1));
      if (model.get("steps") >= MOST_STEPS) pause();
    }, 1000 / STEPS_A_SECOND);
  });
  function pause() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
    model.save_changes();
    say();
  }
  const walk = (change) => () => {
    pause();
    set({ steps: Math.max(0, Math.min(MOST_STEPS, model.get("steps") + change)) });
  };
  const buttons = {
    play, step: button("Step", walk(1)), reset: button("Reset", walk(-MOST_STEPS)),
  };
  const sliders = {
    steps: slider("Steps", { min: 0, max: MOST_STEPS, step: 1 }, (steps) => set({ steps })),
    scale: slider("All rates times", { min: -1, max: 1, step: 0.05 },
      (e) => set({ scale: Number((10 ** e).toPrecision(3)) })),
    noise: slider("Noise in the gradient", { min: 0, max: 1, step: 0.05 },
      (size) => set({ noise: size })),
  };
  const shaken = choice("Noise for", [["sgd", "SGD only"], ["all", "all but GD"]],
    (noisy) => set({ noisy }));

  const rows = Object.fromEntries(Object.entries(RACERS).map(([key, { name, dash, mark }]) => {
    const tick = element("input", { type: "checkbox" });
    tick.addEventListener("change", () => {
      const others = model.get("optimizers").filter((other) => other !== key);
      set({ optimizers: tick.checked ? [...others, key] : others });
    });
    const rate = element("input", {
      type: "number", min: 0, step: "any", "aria-label": `Learning rate of ${name}` });
    rate.addEventListener("change", () => {
      const value = rate.valueAsNumber;
      const valid = Number.isFinite(value) && value >= 0;
      const kept = valid ? value / model.get("scale") : info().rates[key];
      set({ rates: { ...model.get("rates"), [key]: kept } });
      update();
    });
    const sample = element(
      "svg", { viewBox: "0 0 42 16", class: `sample lane by-${key}`, "aria-hidden": "true" },
      element("path", { class: "way", d: "M1 8H41", "stroke-dasharray": dash }),
      element("path", { class: "marks", d: mark(21, 8, 5) }),
    );
    const loss = element("td", {});
    const row = element("tr", {},
      element("th", { scope: "row" }, element("label", {}, tick, sample, name)),
      element("td", {}, rate), loss);
    return [key, { tick, rate, loss, row }];
  }));

  const field = frame("", FIELD_HEIGHT, "w₁");
  field.svg.append(element("text", { x: WIDTH - 16, y: 16, "text-anchor": "end" }, "↑ w₂"));
  field.inside.append(
    element("g", { class: "drawing" }), element("circle", { class: "handle", r: 16 }));
  const canvas = element(
    "canvas", { width: 2 * INNER, height: 2 * FIELD_HEIGHT, "aria-hidden": "true" });
  const round = (value, low, high) => Number(Math.max(low, Math.min(high, value)).toPrecision(3));
  const moveStart = (x, y) => {
    const { view: [x0, x1, y0, y1] } = info();
    set({ start: [round(x, x0, x1), round(y, y0, y1)] });
  };
  movable(field, field.inside.querySelector(".handle"), moveStart, (dx, dy) => {
    const { view: [x0, x1, y0, y1] } = info();
    const [x, y] = model.get("start");
    moveStart(x + (dx * (x1 - x0)) / 50, y + (dy * (y1 - y0)) / 50);
  });
  const losses = frame("Loss, logarithmic", 180, "step");
  const status = element("div", { class: "figure-status", "aria-live": "polite" });
  const head = ["optimizer", "rate", "loss"].map((text) =>
    element("th", { scope: "col" }, text));
  const root = element(
    "div", { class: "course-figure descent race", role: "group", "aria-label": model.get("alt") },
    element(
      "div", { class: "layout" },
      element(
        "div", { class: "controls" },
        element("div", { class: "figure-inputs" }, places.row),
        sliders.steps.row,
        element("div", { class: "figure-buttons" }, ...Object.values(buttons)),
      ),
      element("div", { class: "plots" },
        element("div", { class: "field" }, canvas, field.svg), losses.svg),
      element(
        "div", { class: "words" },
        element("table", {}, element("thead", {}, element("tr", {}, ...head)),
          element("tbody", {}, ...Object.values(rows).map(({ row }) => row))),
        sliders.scale.row,
        sliders.noise.row,
        element("div", { class: "figure-inputs" }, shaken.row),
        status,
        element("p", { class: "figure-key" },
          "Grayer ground is higher; every line is a height. Square: the start; drag it, tap, or " +
            "use the arrow keys. Small marks: every tenth step. Momentum and Nesterov have " +
            "β = 0.9, Adagrad, RMSprop and Adam the course's (and torch's) defaults. A rate that " +
            "is emptied goes back to the proposed one."),
      ),
    ),
  );

  let lanes = [], floor = 0, shown = null;

  /** The shaded map and the axes: anew only for another landscape. */
  function drawGround() {
    const { view, name } = info();
    const [x0, x1, y0, y1] = view;
    field.svg.querySelector(".name").textContent = name[0].toUpperCase() + name.slice(1);
    field.limits([x0, x1], [y0, y1], ticks(x0, x1).map((x) => [x, number(x)]),
      ticks(y0, y1).map((y) => [y, number(y)]));
    shade(canvas, ground().value, view);
    // A surface that goes below zero is measured from its lowest value, or it has no logarithm.
    floor = model.get("landscape") === "given" ?
      Math.min(0, ...model.get("surface").map((row) => Math.min(...row))) : 0;
    losses.svg.querySelector(".name").textContent =
      floor ? "Loss above its lowest, logarithmic" : "Loss, logarithmic";
    shown = model.get("landscape");
  }

  /** The losses' axis: all that the ticked optimizers will see, but no more than ten decades. */
  function drawScale() {
    const seen = lanes.flatMap(({ losses }) => losses).map((f) => f - floor).filter((f) => f > 0);
    const first = lanes.length ? lanes[0].losses[0] - floor : 0; // all begin in one place
    const begun = first > 0 ? first : 1;
    let high = Math.log10(Math.min(Math.max(...seen, begun), 100 * begun));
    let low = Math.max(Math.log10(Math.min(...seen, begun)), high - 10);
    if (high - low < 0.2) [low, high] = [high - 0.6, high + 0.4];
    const margin = 0.05 * (high - low);
    const wide = high - low > 6 ? 2 : 1;
    const marks = [];
    for (let e = Math.floor(low); e <= Math.ceil(high); e++) {
      if (e % wide === 0) marks.push([e, e > -3 && e < 4 ? number(10 ** e) : power(e)]);
      for (const m of high - low < 2 ? [2, 5] : []) {
        marks.push([e + Math.log10(m), number(m * 10 ** e)]);
      }
    }
    losses.limits([0, MOST_STEPS], [low - margin, high + margin],
      ticks(0, MOST_STEPS).map((k) => [k, number(k)]),
      marks.filter(([e]) => e >= low - margin && e <= high + margin));
  }

  const lane = (key, points, steps, every, size) => {
    const drawn = points.slice(0, steps + 1).filter((p) => p.every(Number.isFinite));
    const { dash, mark } = RACERS[key];
    const near = drawn.filter(([x, y]) => Math.abs(x) < 2000 && Math.abs(y) < 2000);
    const small = near.filter((_, k) => k % every === 0).map(([x, y]) => mark(x, y, size)).join("");
    const last = near.at(-1);
    return element("g", { class: `lane by-${key}` },
      element("path", { class: "way", d: line(drawn), "stroke-dasharray": dash }),
      element("path", { class: "marks", d: small }),
      element("path", { class: "marks last", d: last ? mark(...last, 6) : "" }));
  };

  function draw() {
    const { start, steps } = settings();
    const [x, y] = [field.across(start[0]), field.up(start[1])];
    field.inside.querySelector(".drawing").replaceChildren(
      ...lanes.map(({ key, path }) =>
        lane(key, path.map(([a, b]) => [field.across(a), field.up(b)]), steps, 10, 2.5)),
      element("rect", { class: "start", x: x - 6, y: y - 6, width: 12, height: 12 }),
    );
    const handle = field.inside.querySelector(".handle");
    handle.setAttribute("cx", x);
    handle.setAttribute("cy", y);
    const log = (f) => Math.max(-99, Math.log10(Math.max(0, f - floor)));
    losses.inside.replaceChildren(...lanes.map(({ key, losses: seen }) => lane(
      key, seen.map((f, k) => [losses.across(k), losses.up(log(f))]), steps, 30, 2.5)));
    for (const [key, { loss }] of Object.entries(rows)) {
      const found = lanes.find((other) => other.key === key);
      const now = found?.losses[Math.min(steps, found.losses.length - 1)];
      loss.textContent = found ? (Number.isFinite(now) ? scientific(now) : "lost") : "";
    }
    sliders.steps.show(steps, String(steps));
    buttons.reset.disabled = !steps;
    buttons.step.disabled = steps >= MOST_STEPS;
  }

  /** What the race has come to, in a sentence or two; silent while it runs. */
  function say() {
    if (timer) return;
    const { start, steps } = settings();
    const now = ({ losses: seen }) => seen[Math.min(steps, seen.length - 1)];
    const alive = lanes.filter((l) => Number.isFinite(now(l))).sort((a, b) => now(a) - now(b));
    const lost = lanes.filter((l) => l.lost && l.path.length - 1 <= steps);
    const lines = [`After ${steps} steps from (${number(start[0])}, ${number(start[1])})`];
    if (!lanes.length) lines.push("Nobody runs: tick an optimizer.");
    if (alive.length && steps) {
      const order = alive.map((l) => `${RACERS[l.key].name} ${scientific(now(l))}`);
      lines.push(`Lowest: ${order.join(", ")}.`);
    }
    if (lost.length) {
      lines.push(`Lost from the map: ${lost.map((l) =>
        `${RACERS[l.key].name} at step ${l.path.length - 1}`).join(", ")}.`);
    }
    status.replaceChildren(...lines.map((text, i) =>
      element("p", i ? {} : { class: "formula" }, text)));
    field.svg.setAttribute("aria-label",
      `Map of ${info().name} with ${lanes.length} paths from (${number(start[0])}, ` +
        `${number(start[1])}). ${lines.slice(1).join(" ")}`);
    losses.svg.setAttribute("aria-label", `Loss at every step. ${lines.slice(1).join(" ")}`);
  }

  function update() {
    const { landscape, optimizers, rates, scale, noise: size, noisy } = settings();
    if (shown !== landscape) drawGround();
    lanes = race();
    drawScale();
    places.select.value = landscape;
    shaken.select.value = noisy;
    sliders.scale.show(Math.log10(scale), number(scale));
    sliders.noise.show(size, number(size));
    for (const [key, { tick, rate }] of Object.entries(rows)) {
      tick.checked = optimizers.includes(key);
      rate.value = Number((rates[key] * scale).toPrecision(3));
    }
    draw();
    say();
  }

  function advance() {
    draw();
    say();
  }

  // The book's pages turn with the arrows that move sliders and the start.
  root.addEventListener("keydown", (event) => event.stopPropagation());
  el.append(root);
  update();
  const others = NAMES.filter((name) => name !== "steps");
  const changes = others.map((name) => `change:${name}`).join(" ");
  model.on(changes, update);
  model.on("change:steps", advance);
  return () => {
    clearInterval(timer);
    model.off(changes, update);
    model.off("change:steps", advance);
  };
}

export default { render };
