// What the figures of descent share: coordinate boxes, sliders, a point that is dragged.
// figure.js stands before this file.

const SUPERSCRIPTS = { "-": "⁻", ...Object.fromEntries([..."⁰¹²³⁴⁵⁶⁷⁸⁹"].map((s, i) => [i, s])) };
const power = (n) => `10${[...String(n)].map((c) => SUPERSCRIPTS[c]).join("")}`;

/** 0.0000234 as 2.3 · 10⁻⁵; numbers near 1 as they are. */
function scientific(value) {
  if (!value || !Number.isFinite(value)) return number(value);
  const exponent = Math.floor(Math.log10(Math.abs(value)));
  if (exponent >= -3 && exponent < 4) return number(Number(value.toPrecision(3)));
  return `${number(Number((value / 10 ** exponent).toPrecision(2)))} · ${power(exponent)}`;
}

const WIDTH = 340, LEFT = 46, TOP = 26, INNER = 278;

/**
 * A coordinate box. `across` and `up` turn values into places within `inside`, which cuts off what
 * leaves the box; `limits` changes the values at its edges and the ticks [value, text].
 */
function frame(title, height, label) {
  const inside = element("svg", { x: LEFT, y: TOP, width: INNER, height, class: "inside" });
  const axes = element("g", {});
  const svg = element(
    "svg", { viewBox: `0 0 ${WIDTH} ${TOP + height + 38}`, role: "img", class: "frame" },
    element("text", { x: 4, y: 16, class: "name" }, title),
    axes,
    inside,
    element("rect", { x: LEFT, y: TOP, width: INNER, height, class: "edge" }),
    element("text", { x: LEFT + INNER / 2, y: TOP + height + 33, "text-anchor": "middle" }, label),
  );
  const made = { svg, inside, height };
  made.limits = ([x0, x1], [y0, y1], xTicks, yTicks) => {
    made.across = (x) => (INNER * (x - x0)) / (x1 - x0);
    made.up = (y) => (height * (y1 - y)) / (y1 - y0);
    made.place = (event) => {
      const area = svg.getBoundingClientRect();
      const scale = WIDTH / area.width;
      const x = ((event.clientX - area.left) * scale - LEFT) / INNER;
      const y = ((event.clientY - area.top) * scale - TOP) / height;
      const within = (t) => Math.max(0, Math.min(1, t));
      return [x0 + (x1 - x0) * within(x), y1 - (y1 - y0) * within(y)];
    };
    axes.replaceChildren(
      ...xTicks.flatMap(([x, text]) => [
        element("text", { x: LEFT + made.across(x), y: TOP + height + 16,
          "text-anchor": "middle" }, text),
        element("path", { d: `M${LEFT + made.across(x)} ${TOP + height}v4`, class: "tick" }),
      ]),
      ...yTicks.flatMap(([y, text]) => [
        element("text", { x: LEFT - 7, y: TOP + made.up(y) + 4, "text-anchor": "end" }, text),
        element("path", { d: `M${LEFT} ${TOP + made.up(y)}h-4`, class: "tick" }),
      ]),
    );
  };
  return made;
}

/** A path through points [x, y] in pixels; far ones are brought near, or browsers lose them. */
const line = (points) => points.map(([x, y], i) => {
  const near = (t) => Math.max(-9999, Math.min(9999, t)).toFixed(2);
  return `${i ? "L" : "M"}${near(x)} ${near(y)}`;
}).join("");

/** A labeled slider whose value stands beside it in words. */
function slider(label, limits, onInput) {
  const input = element("input", { type: "range", ...limits });
  const words = element("span", { class: "value", "aria-hidden": "true" });
  input.addEventListener("input", () => onInput(input.valueAsNumber));
  const show = (value, text) => {
    input.value = value;
    input.setAttribute("aria-valuetext", text);
    words.textContent = text;
  };
  return { row: element("div", { class: "slider" }, element("label", {}, label, input), words), show };
}

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/** A tap in the box calls `move(x, y)`, dragging the handle does, and `nudge(dx, dy)` is by arrows. */
function movable(box, handle, move, nudge) {
  const { svg } = box;
  svg.setAttribute("tabindex", 0);
  svg.setAttribute("role", "application");
  svg.addEventListener("click", (event) => move(...box.place(event)));
  handle.addEventListener("pointerdown", (event) => handle.setPointerCapture(event.pointerId));
  handle.addEventListener("pointermove", (event) => {
    if (handle.hasPointerCapture(event.pointerId)) move(...box.place(event));
  });
  svg.addEventListener("keydown", (event) => {
    if (!(event.key in MOVES)) return;
    nudge(...MOVES[event.key]);
    event.preventDefault();
  });
}
