// The playground's page: its controls, and the run that they steer. figure.js and the other files of
// the playground stand before this one.

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

  const controls = [];
  const choice = (label, name, options) => {
    const offer = ([value, text]) => element("option", { value }, text);
    const select = element("select", {}, ...options.map(offer));
    select.addEventListener("change", () => {
      const number = typeof model.get(name) === "number";
      set(name, number ? Number(select.value) : select.value);
    });
    controls.push(() => {
      const value = String(model.get(name));
      if (![...select.options].some((o) => o.value === value)) select.append(offer([value, value]));
      select.value = value;
    });
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

  const diagram = new Diagram({
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
    element("div", { class: "row" },
      element("div", { class: "left" }, diagram.root),
      element("div", { class: "right" },
        title, field.root, element("label", {}, showTest, "Show the test points"))),
    element("div", { class: "row" },
      element("div", { class: "left" },
        element("p", { class: "name" }, "Loss (training thick, test dashed)"), chart.svg),
      element("div", { class: "right" }, expression, status)),
    element(
      "div", { class: "settings" },
      choice("Data", "dataset", Object.entries(NAMES)),
      slider("Noise", "noise", 0, 50, 5, " %"),
      slider("Train on", "share", 10, 90, 10, " %"),
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
      "Circles are labeled +1, squares −1; training points are filled, test points hollow. " +
        "Maps: blue is positive, striped orange negative, the line lies between them. " +
        "Lines: the thicker, the larger the weight; dashed where it is negative. " +
        "Press a unit to see its map large. Learning rate, batch size and penalty may change during " +
        "a run; every other change begins a new one.",
    ),
  );

  /** What a reader who does not see the maps has to know. Not at every epoch. */
  function say() {
    const [train, test] = run.losses.at(-1);
    const wrong = run.test.filter(({ x, label }) => run.network.forward(x) * label <= 0).length;
    status.replaceChildren(element("p", {},
      `Epoch ${run.epochs}: loss ${short(train)} on the training points, ${short(test)} on the test ` +
        `points, of which ${wrong} of ${run.test.length} are on the wrong side.`));
  }

  function draw() {
    const found = maps(run.network, views);
    const [layer, unit] = chosen;
    const output = layer === run.network.layers.length - 1;
    const [train, test] = run.losses.at(-1);
    diagram.update(found, chosen);
    const sigmoid = run.network.layers[layer].activation === ACTIVATIONS.sigmoid;
    field.update(found[layer][unit], sigmoid ? 0.5 : 0, model.get("show_test"));
    chart.update(run.losses);
    const names = layer ?
      diagram.buttons[layer - 1].map((_, n) => `h${subscript(n + 1)}`) :
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
    diagram.build(run.settings, run.network);
    field.build(run);
    draw();
    say();
  }

  /** An epoch a frame; who prefers less motion gets a picture a second. */
  function tick(time) {
    playing = requestAnimationFrame(tick);
    run.advance();
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (still && time - drawn < 1000) return;
    drawn = time;
    draw();
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
  const resized = new ResizeObserver(() => diagram.place());
  resized.observe(diagram.root);
  for (const kind of Object.keys(changed)) model.on(events[kind], changed[kind]);
  return () => {
    pause();
    resized.disconnect();
    for (const kind of Object.keys(changed)) model.off(events[kind], changed[kind]);
  };
}

export default { render };
