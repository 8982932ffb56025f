// Momentum on a quadratic: the path, the plane of (αλ, β), and the loss. figure.js and descent.js
// stand before this file.
//
// The surface is ½(w₁² + κ w₂²): w₁ is the gentle direction, with curvature λ = 1, w₂ the steep
// one, with λ = κ. A step is v ← βv + g, w ← w − αv, as in torch's SGD and the course's.

const KAPPAS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
const MOST_STEPS = 500, REACH = [2, 1], LOST = 1e9;
const WIDEST = 4.4; // where the plane ends; a direction beyond it is an arrow at its edge

/** The places visited from the start; the list ends early where the iterates run away. */
export function descend({ alpha, beta, kappa, start }, steps) {
  const path = [start];
  let v = [0, 0], w = start;
  for (let k = 0; k < steps && Math.hypot(...w) < LOST; k++) {
    const g = [w[0], kappa * w[1]];
    v = v.map((vi, i) => beta * vi + g[i]);
    w = w.map((wi, i) => wi - alpha * v[i]);
    path.push(w);
  }
  return path;
}

/**
 * One direction by itself: (v, w) is multiplied by [[β, λ], [−αβ, 1 − αλ]] at every step. That
 * matrix has trace 1 + β − αλ and determinant β, so αλ and β say everything. The rate is the
 * larger of its eigenvalues' absolute values: what the distance is multiplied with, in the long run.
 */
export function direction(curve, beta) {
  const half = (1 + beta - curve) / 2;
  const root = half * half - beta;
  const critical = Math.abs(root) < 1e-12;
  if (root < 0 && !critical) {
    const im = Math.sqrt(-root);
    const eigenvalues = [[half, im], [half, -im]];
    return { eigenvalues, rate: Math.sqrt(beta), kind: "swings", critical };
  }
  const larger = half + (half < 0 ? -1 : 1) * Math.sqrt(Math.max(0, root));
  const eigenvalues = [[larger, 0], [larger ? beta / larger : 0, 0]];
  const kind = curve > 2 + 2 * beta ? "diverges" : half < 0 ? "zigzags" : "creeps";
  return { eigenvalues, rate: Math.abs(larger), kind, critical };
}

/** The fastest step sizes: both directions shrink at the same rate. */
export const best = {
  momentum: (kappa) => {
    const root = Math.sqrt(kappa);
    const rate = (root - 1) / (root + 1);
    return { alpha: (2 / (root + 1)) ** 2, beta: rate ** 2, rate };
  },
  plain: (kappa) => ({ alpha: 2 / (kappa + 1), beta: 0, rate: (kappa - 1) / (kappa + 1) }),
};

const loss = ([w1, w2], kappa) => (w1 * w1 + kappa * w2 * w2) / 2;

const complex = ([re, im]) => {
  const short = (x) => number(Number(x.toPrecision(3)));
  return im ? `${short(re)} ± ${short(Math.abs(im))}i` : short(re);
};

const MEANING = {
  creeps: "creeps up on the minimum from one side",
  swings: "swings through the minimum like a pendulum",
  zigzags: "jumps to the other side at every step",
  diverges: "gets farther away at every step",
};

/** How long a digit takes: the distance falls to a tenth in so many steps. */
function pace(rate) {
  if (rate > 1 + 1e-12) return "It diverges.";
  if (rate > 1 - 1e-12) return "It never settles: nothing takes the swing away.";
  if (rate < 1e-6) return "It is there at once.";
  const steps = Math.ceil(Math.log(10) / -Math.log(rate));
  return `In the long run the distance falls to a tenth in ${steps} step${steps > 1 ? "s" : ""}.`;
}

/** The field: contours of the loss, and the path up to now. */
function drawField({ inside, across, up, svg }, { kappa, start, steps }, path) {
  const levels = [0.002, 0.01, 0.05, 0.2, 0.8, 3.2, 12.8, 51.2, 204.8];
  const [x0, y0] = [across(0), up(0)];
  const unit = across(1) - across(0);
  const places = path.map(([w1, w2]) => [across(w1), up(w2)]);
  const shown = places.filter(([x, y]) => Math.abs(x) < 999 && Math.abs(y) < 999);
  const end = places.at(-1);
  inside.querySelector(".drawing").replaceChildren(
    ...levels.map((level) => element("path", { class: "contour", d: ellipse(
      x0, y0, unit * Math.sqrt(2 * level), unit * Math.sqrt((2 * level) / kappa)) })),
    element("path", { class: "minimum", d: `M${x0 - 6} ${y0}h12m-6 -6v12` }),
    element("path", { class: "path", d: line(places) }),
    element("path", { class: "iterates", d: shown.map(([x, y]) => disk(x, y, 2.2)).join("") }),
    element("circle", { class: "end", cx: end[0], cy: end[1], r: 6 }),
    element("rect", { class: "start", x: across(start[0]) - 6, y: up(start[1]) - 6,
      width: 12, height: 12 }),
  );
  const handle = inside.querySelector(".handle");
  handle.setAttribute("cx", across(start[0]));
  handle.setAttribute("cy", up(start[1]));
  svg.setAttribute("aria-label",
    `Contours of the loss and the path of ${steps} steps. Start at (${number(start[0])}, ` +
      `${number(start[1])}), end at (${scientific(path.at(-1)[0])}, ${scientific(path.at(-1)[1])}).`);
}

const ellipse = (x, y, rx, ry) =>
  `M${x - rx} ${y}a${rx} ${ry} 0 1 0 ${2 * rx} 0a${rx} ${ry} 0 1 0 ${-2 * rx} 0`;
const disk = (x, y, r) => ellipse(x.toFixed(1), y.toFixed(1), r, r);

/** The regions of the plane, each in a pattern of its own, drawn row by row. */
function drawRegions({ inside, across, up }) {
  const rows = Math.floor((up(0) - up(1)) / 7);
  const creeping = [], zigzag = [], swinging = [], diverging = [];
  for (let i = 0; i < rows; i++) {
    const b = (i + 0.5) / rows, y = up(b), r = Math.sqrt(b);
    const [soft, hard, limit] = [(1 - r) ** 2, (1 + r) ** 2, 2 + 2 * b].map(across);
    creeping.push(`M${across(0)} ${y}H${soft}`);
    const teeth = Math.floor((limit - hard) / 5);
    zigzag.push(`M${hard} ${y}`, ...Array.from({ length: teeth }, (_, j) => `l5 ${j % 2 ? 4 : -4}`));
    for (let x = soft + 5 + 7 * (i % 2); x < hard - 3; x += 14) swinging.push(disk(x, y, 0.8));
    for (let x = limit + 3; x < INNER; x += 7) diverging.push(`M${x - 2.5} ${y + 2.5}l5 -5`);
  }
  const curve = (value) => line(Array.from({ length: 101 }, (_, i) =>
    [across(value(i / 100)), up(i / 100)]));
  inside.append(
    element("path", { class: "hatch", d: creeping.join("") }),
    element("path", { class: "hatch", d: zigzag.join("") }),
    element("path", { class: "dots", d: swinging.join("") }),
    element("path", { class: "hatch diverging", d: diverging.join("") }),
    element("path", { class: "border", d: curve((b) => (1 - Math.sqrt(b)) ** 2) }),
    element("path", { class: "border", d: curve((b) => (1 + Math.sqrt(b)) ** 2) }),
    element("path", { class: "border limit", d: curve((b) => 2 + 2 * b) }),
    element("path", { class: "border", d: `M${across(0)} ${up(0)}V${up(1)}H${across(4)}` }),
    ...[["creeps", 0.05, 0.08, "start"], ["swings", 1.6, 0.62, "middle"],
      ["zigzags", 1.55, 0.06, "middle"], ["diverges", 3.55, 0.3, "middle"]].map(
      ([text, x, y, anchor]) => element("text", {
        x: across(x), y: up(y), "text-anchor": anchor, class: "region" }, text)),
  );
}

/** Both directions' points in the plane; what lies beyond its edge is an arrow there. */
function drawPoints({ inside, across, up, svg }, { alpha, beta, kappa }) {
  const curves = { gentle: alpha, steep: alpha * kappa };
  const apart = across(curves.steep) - across(curves.gentle);
  // A name stands above its point and away from the other; below where the other's would meet it.
  const mark = (name, curve) => {
    const beyond = curve > WIDEST;
    const [x, y] = [beyond ? INNER - 7 : across(curve), up(beta)];
    const shape = beyond ? `M${x - 6} ${y - 7}L${x + 6} ${y}L${x - 6} ${y + 7}Z` :
      name === "gentle" ? disk(x, y, 6) : `M${x - 6} ${y - 6}h12v12h-12Z`;
    const toLeft = name === "gentle" ? x > 70 : x > INNER - 60;
    const below = (name === "steep" && apart < 60) !== beta < 0.15;
    return [
      element("path", { class: `point ${name}`, d: shape }),
      element("text", { x: toLeft ? x - 9 : x + 9, y: below ? y + 19 : y - 9,
        "text-anchor": toLeft ? "end" : "start" }, name),
    ];
  };
  inside.querySelector(".drawing").replaceChildren(
    ...Object.entries(curves).flatMap(([name, curve]) => mark(name, curve)));
  const handle = inside.querySelector(".handle");
  handle.setAttribute("cx", across(Math.min(WIDEST, curves.steep)));
  handle.setAttribute("cy", up(beta));
  const said = Object.entries(curves).map(([name, curve]) =>
    `the ${name} direction at αλ = ${scientific(curve)} ${direction(curve, beta).kind}`);
  svg.setAttribute("aria-label",
    `Plane of step size times curvature and momentum. At β = ${number(beta)} ${said.join(", ")}.`);
}

const spanOf = (steps) => [25, 50, 100, 200, 500].find((span) => steps <= span);

/** The loss at every step, and the slope that the rate predicts. */
function drawLoss(box, { kappa, steps }, path, rate) {
  const { inside, svg, limits } = box;
  const span = spanOf(steps);
  const [low, high] = [-10, 4];
  limits([0, span], [low, high],
    [0, 1, 2, 3, 4, 5].map((k) => [(k * span) / 5, number((k * span) / 5)]),
    [-10, -8, -6, -4, -2, 0, 2, 4].map((e) => [e, power(e)]));
  const { across, up } = box;
  const losses = path.map((w) => loss(w, kappa));
  const log = (value) => (value ? Math.log10(value) : low - 1);
  const predicted = (k) => [across(k), up(log(losses[0]) + 2 * k * log(rate))];
  inside.replaceChildren(
    ...[-8, -6, -4, -2, 0, 2].map((e) => element("line", {
      class: "grid", x1: 0, x2: INNER, y1: up(e), y2: up(e) })),
    element("path", { class: "predicted",
      d: losses[0] && rate ? line([predicted(0), predicted(span)]) : "" }),
    element("path", { class: "path",
      d: line(losses.map((value, k) => [across(k), up(log(value))])) }),
    element("circle", { class: "end", cx: across(path.length - 1), cy: up(log(losses.at(-1))), r: 5 }),
  );
  svg.setAttribute("aria-label",
    `Loss against step, from ${scientific(losses[0])} to ${scientific(losses.at(-1))} after ` +
      `${path.length - 1} steps. The predicted slope is a factor of ${number(rate ** 2)} a step.`);
}

function render({ model, el }) {
  const NAMES = ["alpha", "beta", "kappa", "start", "steps"];
  const settings = () => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
  const set = setter(model);
  const sliders = {
    kappa: slider("Condition number κ", { min: 0, max: KAPPAS.length - 1, step: 1 },
      (i) => set({ kappa: KAPPAS[i] })),
    alpha: slider("Step size α", { min: -3, max: 0.6, step: 0.02 },
      (e) => set({ alpha: Number((10 ** e).toPrecision(3)) })),
    beta: slider("Momentum β", { min: 0, max: 1, step: 0.005 }, (beta) => set({ beta })),
    steps: slider("Steps", { min: 0, max: MOST_STEPS, step: 1 }, (steps) => set({ steps })),
  };
  const preset = (text, values) => button(text, () => set(values(model.get("kappa"))));
  const settle = ({ alpha, beta }) => ({ alpha, beta });
  const buttons = [
    preset("α 0.02, β 0.99", () => ({ alpha: 0.02, beta: 0.99 })),
    preset("Best momentum", (kappa) => settle(best.momentum(kappa))),
    preset("Best plain descent", (kappa) => settle(best.plain(kappa))),
    preset("β = 0", () => ({ beta: 0 })),
  ];

  const field = frame("Path on the loss", 142, "w₁ (gentle)");
  const integers = (low, high) =>
    Array.from({ length: high - low + 1 }, (_, i) => [low + i, number(low + i)]);
  field.limits([-REACH[0], REACH[0]], [-REACH[1], REACH[1]], integers(-2, 2), integers(-1, 1));
  const plane = frame("What αλ and β do to a direction", 190, "αλ, step size times curvature");
  plane.limits([-0.16, WIDEST], [-0.16, 1.16], integers(0, 4), [0, 0.5, 1].map((b) => [b, number(b)]));
  drawRegions(plane);
  const losses = frame("Loss, logarithmic", 150, "step");
  for (const [{ svg, inside }, name] of [[field, "w₂ (steep)"], [plane, "β"]]) {
    inside.append(element("g", { class: "drawing" }), element("circle", { class: "handle", r: 16 }));
    svg.append(element("text", { x: WIDTH - 10, y: 16, "text-anchor": "end" }, `↑ ${name}`));
  }

  const snap = (value, reach) => Math.max(-reach, Math.min(reach, Math.round(20 * value) / 20)) + 0;
  const moveStart = (w1, w2) => set({ start: [snap(w1, REACH[0]), snap(w2, REACH[1])] });
  movable(field, field.inside.querySelector(".handle"), moveStart, (dx, dy) => {
    const [w1, w2] = model.get("start");
    moveStart(w1 + dx / 20, w2 + dy / 20);
  });
  const moveSteep = (curve, beta) => set({
    alpha: Number(Math.max(1e-3, Math.min(4, curve / model.get("kappa"))).toPrecision(3)),
    beta: Math.round(200 * Math.max(0, Math.min(1, beta))) / 200,
  });
  movable(plane, plane.inside.querySelector(".handle"), moveSteep, (dx, dy) => {
    const { alpha, beta, kappa } = settings();
    moveSteep(alpha * kappa + dx / 20, beta + dy / 200);
  });

  const status = element("div", { class: "figure-status", "aria-live": "polite" });
  const table = element("tbody", {});
  const head = ["αλ", "eigenvalues", "rate", "motion"].map((text) =>
    element("th", { scope: "col" }, text));
  head.unshift(element("td", {}));
  const root = element(
    "div", { class: "course-figure descent momentum", role: "group", "aria-label": model.get("alt") },
    element(
      "div", { class: "layout" },
      element(
        "div", { class: "controls" },
        ...Object.values(sliders).map(({ row }) => row),
        element("div", { class: "figure-buttons" }, ...buttons),
      ),
      element("div", { class: "plots" }, field.svg, plane.svg, losses.svg),
      element(
        "div", { class: "words" },
        status,
        element("table", {}, element("thead", {}, element("tr", {}, ...head)), table),
        element("p", { class: "figure-key" },
          "Square: the start; drag it, tap, or use the arrow keys. Ring: the last step shown. In " +
            "the plane, circle and square are the two directions; drag the square. Dashed beside " +
            "the loss: the slope that the larger rate predicts."),
      ),
    ),
  );

  function update() {
    const now = settings();
    const { alpha, beta, kappa, steps } = now;
    const path = descend(now, steps);
    const both = [["gentle", alpha], ["steep", alpha * kappa]].map(([name, curve]) =>
      ({ name, curve, ...direction(curve, beta) }));
    const slow = both.reduce((a, b) => (b.rate > a.rate ? b : a));
    const index = KAPPAS.reduce((nearest, k, i) =>
      Math.abs(Math.log(k / kappa)) < Math.abs(Math.log(KAPPAS[nearest] / kappa)) ? i : nearest, 0);
    sliders.kappa.show(index, number(kappa));
    sliders.alpha.show(Math.log10(alpha), number(alpha));
    sliders.beta.show(beta, number(beta));
    sliders.steps.show(steps, String(steps));
    table.replaceChildren(...both.map(({ name, curve, eigenvalues, rate, kind }) => {
      const [first, second] = eigenvalues.map(complex);
      const cells = [scientific(curve),
        kind === "swings" || first === second ? first : `${first}, ${second}`, number(rate), kind];
      return element("tr", {}, element("th", { scope: "row" }, name),
        ...cells.map((text) => element("td", {}, text)));
    }));
    const count = `${path.length <= steps ? "Stopped after" : "After"} ${path.length - 1} steps`;
    const lines = [`${count} the loss is ${scientific(loss(path.at(-1), kappa))}.`];
    const wild = both.find(({ kind }) => kind === "diverges");
    if (wild) {
      lines.push(`The ${wild.name} direction ${MEANING.diverges}: αλ = ${scientific(wild.curve)} is ` +
        `more than 2 + 2β = ${number(2 + 2 * beta)}.`);
    } else {
      const motion = slow.critical ? "is critically damped" : MEANING[slow.kind];
      lines.push(`The ${slow.name} direction ${motion}; its rate is ${number(slow.rate)}. ` +
        pace(slow.rate));
    }
    lines.push(`The best rate for κ = ${number(kappa)} is ${number(best.momentum(kappa).rate)} with ` +
      `momentum, ${number(best.plain(kappa).rate)} without.`);
    status.replaceChildren(...lines.map((text, i) =>
      element("p", i ? {} : { class: "formula" }, text)));
    drawField(field, now, path);
    drawPoints(plane, now);
    drawLoss(losses, now, path, slow.rate);
  }

  return live(el, root, model, NAMES, update);
}

export default { render };
