// Which entries of a batch of feature maps share a mean. figure.js stands before this file.

const AXES = ["N", "C", "H", "W"];

// The axes of each method, and how many channels it takes together (0: all). The Python file has
// the same; a test compares the two.
export const METHODS = {
  "batch norm": ["NHW", 0],
  "layer norm": ["CHW", 0],
  "position-wise norm": ["C", 0],
  "instance norm": ["HW", 0],
  "group norm": ["CHW", 2],
};

export const shapeOf = (values) =>
  [values.length, values[0].length, values[0][0].length, values[0][0][0].length];

/** Every place (n, c, h, w) of a shape, the last index fastest. */
const places = (shape) => shape.reduce(
  (found, size) => found.flatMap((place) => Array.from({ length: size }, (_, i) => [...place, i])),
  [[]],
);

/** How many channels share a mean. */
const channelsTogether = ({ values, axes, group }) =>
  axes.includes("C") ? group || values[0].length : 1;

/** The set that an entry belongs to, as a text that is the same for all of its members. */
function setOf(state, place) {
  const size = channelsTogether(state);
  return place.map((index, axis) => {
    if (AXES[axis] === "C") return Math.floor(index / size);
    return state.axes.includes(AXES[axis]) ? "*" : index;
  }).join(",");
}

/** The places that share their mean with this one. */
export function members(state, place = state.entry) {
  const own = setOf(state, place);
  return places(shapeOf(state.values)).filter((other) => setOf(state, other) === own);
}

/** Mean and variance of the set that an entry belongs to. */
export function statistics(state, place = state.entry) {
  const numbers = members(state, place).map(([n, c, h, w]) => state.values[n][c][h][w]);
  const mean = numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
  const variance = numbers.reduce((sum, x) => sum + (x - mean) ** 2, 0) / numbers.length;
  return { mean, variance, count: numbers.length };
}

/** The name of what is chosen, or an empty text. */
export function method(state) {
  const over = AXES.filter((axis) => state.axes.includes(axis)).join("");
  const size = channelsTogether(state), channels = state.values[0].length;
  if (over === "CHW" && size < channels) return size > 1 ? "group norm" : "instance norm";
  if (over.includes("C") && size < channels) return "";
  return Object.keys(METHODS).find((m) => METHODS[m][0] === over && !METHODS[m][1]) ?? "";
}

/** The same in PyTorch. */
export function expression(state) {
  const shape = shapeOf(state.values), size = channelsTogether(state);
  if (!state.axes.length) return "x";
  if (!state.axes.includes("C") || size === shape[1]) {
    const dims = AXES.flatMap((axis, i) => (state.axes.includes(axis) ? [i] : []));
    return `x.mean(dim=(${dims.join(", ")}${dims.length > 1 ? "" : ","}), keepdim=True)`;
  }
  const [n, c, h, w] = shape;
  const dims = AXES.flatMap((axis, i) => (state.axes.includes(axis) ? [i ? i + 1 : 0] : []));
  return `x.view(${n}, ${c / size}, ${size}, ${h}, ${w})` +
    `.mean(dim=(${dims.join(", ")}${dims.length > 1 ? "" : ","}), keepdim=True)`;
}

/** What else there is to say about a choice. */
export function remark(state) {
  const name = method(state), size = channelsTogether(state);
  const [, c, h, w] = shapeOf(state.values);
  const over = (axis) => state.axes.includes(axis);
  if (!state.axes.length || statistics(state).count === 1) {
    return "Every entry is its own mean, and its variance is 0: nothing would be left of it.";
  }
  const special = {
    "layer norm": "Group norm with a single group averages over the same entries.",
    "position-wise norm": "In a transformer, this is the layer norm of one token.",
    "instance norm": "Group norm with one channel in each group averages over the same entries.",
    "group norm": `${c / size} groups of ${size} channels.`,
  };
  if (over("N")) {
    const alone = !name && !over("C") && !over("H") && !over("W") && h * w > 1;
    return (alone ? "Every unit on its own, as batch norm does it with vectors. " : "") +
      "Examples are mixed: what comes out for one depends on the others in its batch.";
  }
  return `Every example stands alone. ${special[name] ?? ""}`.trim();
}

const CELL = 22, GAP = 12, LEFT = 22, TOP = 22;

function render({ model, el }) {
  const NAMES = ["values", "axes", "group", "entry"];
  const state = () => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
  const set = setter(model);
  const [N, C, H, W] = shapeOf(model.get("values"));
  const across = (c, w) => LEFT + c * (W * CELL + GAP) + w * CELL;
  const down = (n, h) => TOP + n * (H * CELL + GAP) + h * CELL;

  const boxes = AXES.map((axis) => {
    const box = element("input", { type: "checkbox" });
    box.addEventListener("change", () => {
      const others = model.get("axes").filter((a) => a !== axis);
      set({ axes: AXES.filter((a) => (a === axis ? box.checked : others.includes(a))) });
    });
    return { axis, box, label: element("label", {}, box, axis) };
  });
  const name = element(
    "select", {}, element("option", { value: "" }, "no common name"),
    ...Object.keys(METHODS).map((m) => element("option", { value: m }, m)),
  );
  name.addEventListener("change", () => {
    const [axes, group] = METHODS[name.value] ?? ["", 0];
    set({ axes: [...axes], group });
  });
  const sizes = Array.from({ length: C }, (_, i) => i + 1).filter((size) => C % size === 0);
  const group = element(
    "select", {},
    ...sizes.map((size) => element("option", { value: size }, size === C ? `all ${C}` : size)),
  );
  group.addEventListener("change", () => {
    const size = Number(group.value);
    set({ group: size === C ? 0 : size });
  });

  const plot = element("g", {});
  const svg = element(
    "svg",
    {
      viewBox: `0 0 ${across(C, 0) - GAP + 2} ${down(N, 0) - GAP + 2}`, class: "field",
      tabindex: 0, role: "application", "aria-roledescription": "field of numbers",
    },
    plot,
  );
  svg.addEventListener("click", (event) => {
    const box = svg.getBoundingClientRect(), frame = svg.viewBox.baseVal;
    const x = ((event.clientX - box.left) / box.width) * frame.width;
    const y = ((event.clientY - box.top) / box.height) * frame.height;
    // The nearest entry: gaps belong to their neighbors.
    const nearest = places([N, C, H, W]).map(([n, c, h, w]) =>
      [Math.hypot(across(c, w) + CELL / 2 - x, down(n, h) + CELL / 2 - y), [n, c, h, w]])
      .reduce((best, other) => (other[0] < best[0] ? other : best));
    set({ entry: nearest[1] });
  });
  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  svg.addEventListener("keydown", (event) => {
    if (!(event.key in moves)) return;
    const [n, c, h, w] = model.get("entry");
    const [dy, dx] = moves[event.key];
    const row = Math.max(0, Math.min(N * H - 1, n * H + h + dy));
    const column = Math.max(0, Math.min(C * W - 1, c * W + w + dx));
    set({ entry: [Math.floor(row / H), Math.floor(column / W), row % H, column % W] });
    event.preventDefault();
  });

  const status = element("div", { class: "figure-status", "aria-live": "polite" });
  const root = element(
    "div", { class: "course-figure normalization", role: "group", "aria-label": model.get("alt") },
    element(
      "div", { class: "figure-panel" },
      element("fieldset", { class: "figure-inputs" }, element("legend", {}, "Average over"),
        ...boxes.map(({ label }) => label)),
      element("div", { class: "figure-inputs" },
        element("label", {}, "Channels in a group", group), element("label", {}, "Method", name)),
      status,
      element(
        "p", { class: "figure-key" },
        "Circle: the chosen entry; click on another, or use the arrow keys in the field. Hatched and " +
          "framed: all entries that share its mean and variance.",
      ),
    ),
    element("div", { class: "plots" }, svg),
  );

  function update() {
    const now = state();
    const { mean, variance, count } = statistics(now);
    const [n, c, h, w] = now.entry;
    const x = now.values[n][c][h][w];
    const shared = new Set(members(now).map(String));
    const id = svg.dataset.hatch ??= `hatch-${svg.ownerDocument.querySelectorAll("pattern").length}`;
    const hatch = document.createElementNS("http://www.w3.org/2000/svg", "pattern");
    for (const [key, value] of Object.entries({
      id, width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" })) {
      hatch.setAttribute(key, value);
    }
    hatch.append(element("line", { x1: 0, y1: 0, x2: 0, y2: 5 }));
    const cells = places([N, C, H, W]).map((place) => {
      const [i, j, row, column] = place;
      const inside = shared.has(String(place)), chosen = String(place) === String(now.entry);
      const corner = { x: across(j, column), y: down(i, row), width: CELL, height: CELL };
      const middle = { cx: corner.x + CELL / 2, cy: corner.y + CELL / 2 };
      return element(
        "g", { class: `entry${inside ? " shared" : ""}${chosen ? " chosen" : ""}`,
          "data-place": String(place) },
        element("rect", corner),
        ...(inside ? [element("rect", { ...corner, class: "hatching", fill: `url(#${id})` })] : []),
        ...(inside && !chosen ? [element("circle", { ...middle, r: 8, class: "disk" })] : []),
        ...(chosen ? [element("circle", { ...middle, r: 9.5, class: "ring" })] : []),
        element("text", { x: middle.cx, y: middle.cy + 4, "text-anchor": "middle" },
          number(now.values[i][j][row][column])),
      );
    });
    // What is framed is drawn last, so that no neighbor covers its frame.
    cells.sort((a, b) => a.classList.contains("shared") - b.classList.contains("shared"));
    plot.replaceChildren(
      element("defs", {}, hatch),
      ...Array.from({ length: C }, (_, j) => element(
        "text", { x: across(j, W / 2), y: TOP - 8, "text-anchor": "middle" }, `c = ${j}`)),
      ...Array.from({ length: N }, (_, i) => {
        const [tx, ty] = [LEFT - 9, down(i, H / 2)];
        return element("text", { x: tx, y: ty, "text-anchor": "middle",
          transform: `rotate(-90 ${tx} ${ty})` }, `n = ${i}`);
      }),
      ...cells,
    );
    svg.setAttribute(
      "aria-label",
      `Chosen entry n ${n}, c ${c}, h ${h}, w ${w}, value ${number(x)}. ` +
        `It shares its mean with ${count - 1} others.`,
    );
    for (const { axis, box } of boxes) box.checked = now.axes.includes(axis);
    group.value = now.group || C;
    group.disabled = !now.axes.includes("C");
    name.value = method(now);
    const total = N * C * H * W;
    const entries = count === 1 ? "1 entry each" : `${count} entries each`;
    const standardized = (x - mean) / Math.sqrt(variance + 1e-5);
    status.replaceChildren(
      element("p", { class: "formula" }, method(now) || "no common name"),
      element("p", {}, `${total / count} ${total === count ? "mean" : "means"}, ${entries}`),
      element("p", {}, element("code", {}, expression(now))),
      element("p", {}, `x = ${number(x)}, mean ${number(mean)}, variance ${number(variance)}: ` +
        `x̂ = ${number(Number(standardized.toFixed(3)))}`),
      element("p", {}, remark(now)),
    );
  }

  return live(el, root, model, NAMES, update);
}

export default { render };
