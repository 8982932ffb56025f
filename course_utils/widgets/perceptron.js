// Rosenblatt's rule on points that the reader drops. figure.js stands before this file.

const REACH = 2, GRID = 0.25, MOST_PASSES = 1000;

/** Look at one example: the new weights, and what happened. neurons.py has the same rule. */
export function look([w1, w2, b], [x1, x2, label]) {
  const score = w1 * x1 + w2 * x2 + b;
  const mistake = (score > 0 ? 1 : -1) !== label;
  const weights = mistake ? [w1 + label * x1, w2 + label * x2, b + label] : [w1, w2, b];
  return { score, mistake, weights };
}

/** The state after so many examples, from weights of zero. */
export function replay(points, steps) {
  const start = { weights: [0, 0, 0], mistakes: 0, last: null };
  if (!points.length) return start;
  return Array.from({ length: steps }, (_, i) => points[i % points.length]).reduce((state, point) => {
    const seen = look(state.weights, point);
    return {
      weights: seen.weights,
      mistakes: state.mistakes + seen.mistake,
      last: { ...seen, point, before: state.weights },
    };
  }, start);
}

/** Where a run ends: a pass without a mistake, or a pass that begins as an earlier one did. */
export function run(points) {
  let weights = [0, 0, 0];
  const begun = new Map();
  for (let pass = 0; points.length && pass < MOST_PASSES; pass++) {
    const key = String(weights);
    if (begun.has(key)) return { outcome: "cycled", passes: pass, since: begun.get(key) };
    begun.set(key, pass);
    let mistakes = 0;
    for (const point of points) {
      const seen = look(weights, point);
      weights = seen.weights;
      mistakes += seen.mistake;
    }
    if (!mistakes) return { outcome: "converged", passes: pass + 1 };
  }
  return { outcome: "stopped", passes: points.length ? MOST_PASSES : 0 };
}

const SIZE = 320, MARGIN = 34, SCALE = (SIZE - 2 * MARGIN) / (2 * (REACH + 0.2));
const across = (x) => SIZE / 2 + SCALE * x;
const up = (y) => SIZE / 2 - SCALE * y;
const snap = (value) =>
  Math.max(-REACH, Math.min(REACH, Math.round(value / GRID) * GRID)) + 0; // no −0
const signed = (value) => (value < 0 ? `−${number(-value)}` : `+${number(value)}`);
const pair = (x1, x2) => `(${number(x1)}, ${number(x2)})`;

/** The corners of the frame's part where the score is positive, by cutting the square. */
export function positiveSide([w1, w2, b]) {
  const far = REACH + 0.2;
  const corners = [[-far, -far], [far, -far], [far, far], [-far, far]];
  const score = ([x, y]) => w1 * x + w2 * y + b;
  return corners.flatMap((corner, i) => {
    const next = corners[(i + 1) % 4];
    const [here, there] = [score(corner), score(next)];
    const kept = here > 0 ? [corner] : [];
    if (here > 0 === there > 0) return kept;
    const t = here / (here - there);
    return [...kept, [corner[0] + t * (next[0] - corner[0]), corner[1] + t * (next[1] - corner[1])]];
  });
}

function mark([x1, x2, label], name) {
  const [cx, cy] = [across(x1), up(x2)];
  const shape = label > 0 ?
    element("circle", { cx, cy, r: 9 }) :
    element("rect", { x: cx - 8, y: cy - 8, width: 16, height: 16 });
  return element(
    "g", { class: `example ${label > 0 ? "plus" : "minus"} ${name}` },
    shape,
    element("text", { x: cx, y: cy + 5, "text-anchor": "middle" }, label > 0 ? "+" : "−"),
  );
}

function render({ model, el }) {
  const points = () => model.get("points");
  const set = setter(model);
  const cursor = { x: 0, y: 0 };
  let label = 1;

  /** Drop a point here, or take away the one that is here. Learning begins anew. */
  function toggle(x, y) {
    const others = points().filter(([a, b]) => a !== x || b !== y);
    const removed = others.length < points().length;
    set({ steps: 0, points: removed ? others : [...others, [x, y, label]] });
  }

  const passEnd = () => {
    const n = points().length;
    return n * (Math.floor(model.get("steps") / n) + 1);
  };
  const buttons = {
    step: button("Step", () => set({ steps: model.get("steps") + 1 })),
    pass: button("Pass", () => set({ steps: passEnd() })),
    run: button("Run", () => set({ steps: run(points()).passes * points().length })),
    back: button("Back", () => set({ steps: model.get("steps") - 1 })),
    forget: button("Forget", () => set({ steps: 0 })),
    clear: button("Clear points", () => set({ points: [], steps: 0 })),
  };
  const examples = model.get("examples");
  const preset = element(
    "select", {}, element("option", { value: "" }, "your own"),
    ...Object.keys(examples).map((name) => element("option", { value: name }, name)),
  );
  preset.addEventListener("change", () => {
    set({ points: preset.value ? examples[preset.value] : [], steps: 0 });
  });
  const kind = element(
    "select", {}, element("option", { value: "1" }, "+1 (circle)"),
    element("option", { value: "-1" }, "−1 (square)"),
  );
  kind.addEventListener("change", () => { label = Number(kind.value); });

  const plot = element("g", {});
  const svg = element(
    "svg",
    { viewBox: `0 0 ${SIZE} ${SIZE}`, class: "field", tabindex: 0, role: "application",
      "aria-roledescription": "field of points" },
    plot,
  );
  svg.addEventListener("click", (event) => {
    const box = svg.getBoundingClientRect();
    const place = (pixels, size) => (pixels / size) * SIZE - SIZE / 2;
    cursor.x = snap(place(event.clientX - box.left, box.width) / SCALE);
    cursor.y = snap(-place(event.clientY - box.top, box.height) / SCALE);
    toggle(cursor.x, cursor.y);
  });
  const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  svg.addEventListener("keydown", (event) => {
    if (event.key in moves) {
      cursor.x = snap(cursor.x + GRID * moves[event.key][0]);
      cursor.y = snap(cursor.y + GRID * moves[event.key][1]);
      update();
    } else if (event.key === "Enter" || event.key === " ") {
      toggle(cursor.x, cursor.y);
    } else return;
    event.preventDefault();
  });

  const status = element("div", { class: "figure-status", "aria-live": "polite" });
  const root = element(
    "div", { class: "course-figure perceptron", role: "group", "aria-label": model.get("alt") },
    element(
      "div", { class: "figure-panel" },
      element("div", { class: "figure-inputs" },
        element("label", {}, "Examples", preset), element("label", {}, "Drop", kind)),
      element("div", { class: "figure-buttons" }, ...Object.values(buttons)),
      status,
      element(
        "p", { class: "figure-key" },
        "Click to drop a point, click on a point to remove it. Keys in the field: arrows, Enter. " +
          "Shaded: score above 0. Ring: the example looked at. Arrow: the weights' direction.",
      ),
    ),
    element("div", { class: "plots" }, svg),
  );

  function say(now) {
    const n = points().length, steps = model.get("steps");
    if (!n) return ["There are no examples. Drop some of both kinds."];
    const [w1, w2, b] = now.weights;
    const lines = [
      `pass ${Math.floor(Math.max(0, steps - 1) / n) + 1}, ${steps} examples, ` +
        `${now.mistakes} mistakes`,
      `w = ${pair(w1, w2)}, b = ${number(b)}`,
    ];
    if (!now.last) return [...lines, "All weights are 0, so every answer is −1."];
    const { point: [x1, x2, y], score, mistake } = now.last;
    lines.push(
      `x = ${pair(x1, x2)}, label ${signed(y)}: score ${number(score)}, ` +
        (mistake ? `a mistake. w ${y > 0 ? "+" : "−"} x, b ${y > 0 ? "+" : "−"} 1.` : "right."));
    const end = run(points());
    if (steps >= end.passes * n) {
      if (end.outcome === "converged") lines.push("A whole pass without a mistake: it has converged.");
      if (end.outcome === "cycled") {
        lines.push(`Pass ${end.passes + 1} begins with the weights of pass ${end.since + 1}: it goes ` +
          "round for ever. No line separates these points.");
      }
      if (end.outcome === "stopped") lines.push("It was stopped: no end in 1,000 passes.");
    }
    return lines;
  }

  function update() {
    const steps = model.get("steps"), n = points().length;
    const now = replay(points(), steps);
    const [w1, w2, b] = now.weights;
    const side = positiveSide(now.weights);
    const length = Math.hypot(w1, w2);
    const ticks = [-2, -1, 0, 1, 2];
    const arrow = [];
    if (length) {
      const foot = [(-b * w1) / length ** 2, (-b * w2) / length ** 2];
      const tip = [foot[0] + (0.7 * w1) / length, foot[1] + (0.7 * w2) / length];
      const [fx, fy, tx, ty] = [across(foot[0]), up(foot[1]), across(tip[0]), up(tip[1])];
      const [dx, dy] = [(9 * w1) / length, (-9 * w2) / length];
      const away = [w2, -w1].map((w) => (40 * w) / length);
      arrow.push(
        element("line", { class: "border", x1: across(foot[0] - away[0]), y1: up(foot[1] - away[1]),
          x2: across(foot[0] + away[0]), y2: up(foot[1] + away[1]) }),
        element("line", { class: "direction", x1: fx, y1: fy, x2: tx, y2: ty }),
        element("polygon", { class: "tip", points:
          `${tx + dx},${ty + dy} ${tx - dy / 2},${ty + dx / 2} ${tx + dy / 2},${ty - dx / 2}` }),
      );
    }
    const id = svg.dataset.clip ??=
      `perceptron-${svg.ownerDocument.querySelectorAll("clipPath").length}`;
    const inner = { x: MARGIN, y: MARGIN, width: SIZE - 2 * MARGIN, height: SIZE - 2 * MARGIN };
    plot.replaceChildren(
      element("clipPath", { id }, element("rect", inner)),
      element("rect", { ...inner, class: "frame" }),
      element(
        "g", { "clip-path": `url(#${id})` },
        element("polygon", { class: "side", points: side.map(([x, y]) => `${across(x)},${up(y)}`)
          .join(" ") }),
        ...arrow,
      ),
      ...ticks.map((t) => element("text", { x: across(t), y: SIZE - MARGIN + 16,
        "text-anchor": "middle" }, number(t))),
      ...ticks.map((t) => element("text", { x: MARGIN - 6, y: up(t) + 4, "text-anchor": "end" },
        number(t))),
      element("text", { x: SIZE / 2, y: SIZE - 2, "text-anchor": "middle" }, "x₁"),
      element("text", { x: 2, y: MARGIN - 10 }, "x₂"),
      ...points().map((p) => mark(p, now.last?.point === p ? "looked-at" : "")),
      ...(now.last ? [element("circle", { class: now.last.mistake ? "ring mistake" : "ring",
        cx: across(now.last.point[0]), cy: up(now.last.point[1]), r: 15 })] : []),
      element("path", { class: "cursor",
        d: `M${across(cursor.x) - 6} ${up(cursor.y)}h12m-6 -6v12` }),
    );
    const here = points().find(([x, y]) => x === cursor.x && y === cursor.y);
    svg.setAttribute(
      "aria-label",
      `${n} points. Cursor at ${pair(cursor.x, cursor.y)}` +
        (here ? `, on a point labeled ${signed(here[2])}.` : "."),
    );
    const same = ([, p]) => JSON.stringify(p) === JSON.stringify(points());
    preset.value = Object.entries(examples).find(same)?.[0] ?? "";
    for (const name of ["step", "pass", "run", "clear"]) buttons[name].disabled = !n;
    for (const name of ["back", "forget"]) buttons[name].disabled = !steps;
    status.replaceChildren(...say(now).map((line, i) =>
      element("p", i === 1 ? { class: "formula" } : {}, line)));
  }

  return live(el, root, model, ["points", "steps"], update);
}

export default { render };
