// A convolution as a matrix. figure.js stands before this file.

const LETTERS = [..."abcdefghi"];
const outOf = ({ size, padding }) => size + 2 * padding - 2;
const SUBSCRIPTS = [..."₀₁₂₃₄₅₆₇₈₉"];
const subscript = (n) => [...String(n)].map((digit) => SUBSCRIPTS[digit]).join("");

/** Which weight, 0 to 8, each entry is; −1 is a zero. matrix_view.py has the same. */
export function matrix({ size, padding }) {
  const out = outOf({ size, padding });
  return Array.from({ length: out * out }, (_, r) => Array.from({ length: size * size }, (_, c) => {
    const i = Math.floor(c / size) + padding - Math.floor(r / out);
    const j = (c % size) + padding - (r % out);
    return i >= 0 && i < 3 && j >= 0 && j < 3 ? 3 * i + j : -1;
  }));
}

/** The chosen row, or the chosen column: one weight (or −1) for each pixel, or each output. */
export function line(state) {
  const m = matrix(state);
  return state.transposed ? m.map((row) => row[state.chosen]) : m[state.chosen];
}

/** The same as a sum. */
export function formula(state) {
  const [from, to] = state.transposed ? ["y", "x"] : ["x", "y"];
  const terms = line(state).flatMap((k, i) => (k < 0 ? [] : [`${LETTERS[k]} ${from}${subscript(i)}`]));
  return `${to}${subscript(state.chosen)}${state.transposed ? "′" : ""} = ${terms.join(" + ")}`;
}

const CELL = 22;

function render({ model, el }) {
  const NAMES = ["size", "padding", "transposed", "chosen", "weight"];
  const state = () => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
  const set = setter(model);
  // Nothing chosen may lie outside on the way from one size to another.
  const size = choice("Image", [[3, "3 × 3"], [4, "4 × 4"]],
    (value) => set({ chosen: 0, size: Number(value) }));
  const padding = choice("Padding", [[0, "0"], [1, "1"]],
    (value) => set({ chosen: 0, padding: Number(value) }));
  const way = choice("Choose", [["", "an output: its row"], ["t", "a pixel: its column"]],
    (value) => set({ chosen: 0, transposed: value === "t" }));
  const mark = choice("Frame all copies of",
    [[-1, "no weight"], ...LETTERS.map((letter, i) => [i, letter])],
    (value) => set({ weight: Number(value) }));

  const grids = element("svg", {
    class: "grids", tabindex: 0, role: "application", "aria-roledescription": "image and output" });
  const drawing = element("svg", { class: "matrix", role: "img" });
  const sideOf = (now) => (now.transposed ? now.size : outOf(now));
  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  grids.addEventListener("keydown", (event) => {
    if (!(event.key in moves)) return;
    const now = state(), side = sideOf(now), [dy, dx] = moves[event.key];
    const within = (i) => Math.max(0, Math.min(side - 1, i));
    set({ chosen: side * within(Math.floor(now.chosen / side) + dy) + within((now.chosen % side) + dx) });
    event.preventDefault();
  });
  for (const svg of [grids, drawing]) {
    svg.addEventListener("click", (event) => {
      const place = event.target.closest?.("[data-choose]")?.getAttribute("data-choose");
      if (place) set({ chosen: Number(place) });
    });
  }
  const status = element("div", { class: "figure-status", "aria-live": "polite" });
  const root = element(
    "div", { class: "course-figure matrix-view", role: "group", "aria-label": model.get("alt") },
    element("div", { class: "figure-panel" },
      element("div", { class: "figure-inputs" }, size.row, padding.row, way.row, mark.row),
      grids, status,
      element("p", { class: "figure-key" },
        "Click on a cell of the grid that is chosen from, on a line of the matrix, or use the arrow " +
          "keys. The letters are the kernel's weights, a dot is a zero that stays one.")),
    element("div", { class: "plots" }, drawing),
  );

  /** A cell: its frame, its text, and what it chooses. */
  const cell = (x, y, text, name, choose) => element(
    "g", { class: `cell ${name}`, ...(choose === undefined ? {} : { "data-choose": choose }) },
    element("rect", { x, y, width: CELL, height: CELL }),
    element("text", { x: x + CELL / 2, y: y + CELL / 2 + 5, "text-anchor": "middle" }, text));

  function update() {
    const now = state(), m = matrix(now), out = outOf(now), chosen = line(now);
    size.select.value = now.size;
    padding.select.value = now.padding;
    way.select.value = now.transposed ? "t" : "";
    mark.select.value = now.weight;

    // The grids: zeros around the image, the image, and the output beside it.
    const outer = now.size + 2 * now.padding, gap = 2 * CELL, top = 22;
    const right = outer * CELL + gap, height = top + outer * CELL + 2;
    grids.setAttribute("viewBox", `0 0 ${Math.max(240, right + out * CELL + 2)} ${height}`);
    const [image, output] = [[], []];
    const taken = (k) => (k < 0 ? "" : ` meets${k === now.weight ? " marked" : ""}`);
    for (let i = 0; i < outer * outer; i++) {
      const [y, x] = [Math.floor(i / outer) - now.padding, (i % outer) - now.padding];
      const inside = y >= 0 && y < now.size && x >= 0 && x < now.size;
      const pixel = y * now.size + x;
      const k = now.transposed || !inside ? -1 : chosen[pixel];
      const own = now.transposed && inside && pixel === now.chosen;
      image.push(cell((i % outer) * CELL + 1, top + Math.floor(i / outer) * CELL,
        !inside ? "0" : k < 0 ? String(pixel) : LETTERS[k],
        `${inside ? "" : "zero"}${taken(k)}${own ? " chosen" : ""}`,
        now.transposed && inside ? pixel : undefined));
    }
    for (let i = 0; i < out * out; i++) {
      const k = now.transposed ? chosen[i] : -1, own = !now.transposed && i === now.chosen;
      output.push(cell(right + (i % out) * CELL, top + Math.floor(i / out) * CELL,
        k < 0 ? String(i) : LETTERS[k], `${taken(k)}${own ? " chosen" : ""}`,
        now.transposed ? undefined : i));
    }
    const last = (cells) => cells.sort((a, b) =>
      a.classList.contains("chosen") - b.classList.contains("chosen"));
    grids.replaceChildren(
      element("text", { x: 1, y: 14 }, "image"), element("text", { x: right, y: 14 }, "output"),
      ...last(image), ...last(output));
    const kind = now.transposed ? "Pixel" : "Output";
    grids.setAttribute("aria-label", `${kind} ${now.chosen} is chosen: ${formula(now)}`);

    // The matrix, and a frame around its chosen line.
    const [rows, columns] = [m.length, m[0].length], left = 30;
    drawing.setAttribute("viewBox", `0 0 ${left + columns * CELL + 3} ${top + rows * CELL + 3}`);
    drawing.style.maxWidth = `${1.3 * (left + columns * CELL)}px`;
    const frame = now.transposed ?
      { x: left + now.chosen * CELL, y: top, width: CELL, height: rows * CELL } :
      { x: left, y: top + now.chosen * CELL, width: columns * CELL, height: CELL };
    drawing.replaceChildren(
      ...Array.from({ length: columns }, (_, c) => element(
        "text", { x: left + (c + 0.5) * CELL, y: top - 7, "text-anchor": "middle" }, String(c))),
      ...m.flatMap((row, r) => [
        element("text", { x: left - 6, y: top + (r + 0.5) * CELL + 5, "text-anchor": "end" }, String(r)),
        ...row.map((k, c) => cell(left + c * CELL, top + r * CELL, k < 0 ? "·" : LETTERS[k],
          `entry${taken(k)}`, now.transposed ? c : r)),
      ]),
      element("rect", { ...frame, class: "frame" }));
    const entries = rows * columns, filled = m.flat().filter((k) => k >= 0).length;
    drawing.setAttribute("aria-label",
      `Matrix of ${rows} rows and ${columns} columns, ${filled} entries are weights, the rest zeros.`);
    const lines = [
      formula(now),
      `${rows} outputs × ${columns} pixels: ${entries} entries, ${entries - filled} of them zeros, ` +
        `${filled} shared by 9 weights. A fully connected layer would have ${entries} weights.`,
    ];
    if (now.transposed) {
      lines.push("Down a column: the outputs that this pixel takes part in. The transposed matrix " +
        "sends them back to it, as the gradient does.");
    }
    if (now.weight >= 0) {
      const count = m.flat().filter((k) => k === now.weight).length;
      lines.push(`The weight ${LETTERS[now.weight]} stands in the matrix ${count} times.`);
    }
    status.replaceChildren(...lines.map((text, i) =>
      element("p", i ? {} : { class: "formula" }, text)));
  }

  return live(el, root, model, NAMES, update);
}

export default { render };
