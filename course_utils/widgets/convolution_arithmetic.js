// Where the windows of a convolution stand, and two signals that slide over each other. figure.js
// and descent.js stand before this file.

/** Pixels from the first to the last tap of a kernel. */
export const spanOf = ({ kernel_size: k, dilation: d }) => d * (k - 1) + 1;

/**
 * The sizes of one axis. `small` is the side that has one entry for each window: the output, or the
 * input of a transposed convolution; `large` is the side under the windows, its padding included.
 * `rest` counts what the floor drops at the end. convolution_arithmetic.py has the same.
 */
export function sizes(state) {
  const { size: n, stride: s, padding: p } = state, span = spanOf(state);
  if (state.mode === "transposed") {
    const large = (n - 1) * s + span;
    return { small: n, large, out: Math.max(0, large - 2 * p), rest: 0 };
  }
  const large = n + 2 * p;
  const small = large < span ? 0 : Math.floor((large - span) / s) + 1;
  return { small, large, out: small, rest: small ? (large - span) % s : 0 };
}

/** How many windows each place of the large side is in, along one axis. */
export function counts(state) {
  const { small, large } = sizes(state), found = Array(large).fill(0);
  for (let o = 0; o < small; o++) {
    for (let i = 0; i < state.kernel_size; i++) found[state.stride * o + state.dilation * i]++;
  }
  return found;
}

/** The fewest and the most windows that a place far from all borders is in, along one axis. */
export function overlap({ kernel_size: k, stride: s, dilation: d }) {
  const found = Array(s).fill(0);
  for (let i = 0; i < k; i++) found[(d * i) % s]++;
  return [Math.min(...found), Math.max(...found)];
}

const times = (n) => `${n} × ${n}`;

/** The size by its formula, with its numbers put in. */
export function formula(state) {
  const { size: n, kernel_size: k, stride: s, padding: p, dilation: d } = state;
  const { large, small } = sizes(state), span = spanOf(state);
  const spanned = `Span of the kernel: d(k − 1) + 1 = ${d}·${k - 1} + 1 = ${span}.`;
  if (state.mode === "transposed") {
    return [`(n − 1)s + span − 2p = ${n - 1}·${s} + ${span} − 2·${p} = ${number(large - 2 * p)}`,
      spanned];
  }
  const start = `⌊(n + 2p − span) / s⌋ + 1 = ⌊(${n} + 2·${p} − ${span}) / ${s}⌋ + 1`;
  return [small ? `${start} = ⌊${number((large - span) / s)}⌋ + 1 = ${small}` : start, spanned];
}

/** What is lost, and what else these numbers bring about. */
export function remarks(state) {
  const { size: n, stride: s, padding: p, mode } = state, span = spanOf(state);
  const { small, large, out, rest } = sizes(state);
  const [fewest, most] = overlap(state).map((c) => c * c);
  if (mode === "transposed") {
    if (!out) return [`Nothing is left: ${large} rows, and ${p} would be cut off at every ` +
      "border. PyTorch refuses."];
    const said = [];
    const least = large - 2 * p, from = Array.from({ length: s }, (_, i) => least + i);
    said.push(s === 1 ? `A convolution with these numbers makes ${n} of ${least}.` :
      `A convolution with these numbers makes ${n} of ${from.slice(0, -1).join(", ")} and of ` +
        `${from.at(-1)}. This is the least of them; output_padding asks for another.`);
    if (p) said.push(`${p} ${p === 1 ? "row is" : "rows are"} cut off at every border.`);
    said.push(fewest === most ?
      `Away from the border every output sums ${most} product${most > 1 ? "s" : ""}.` :
      `Away from the border an output sums ${fewest} to ${most} products, in turn: the uneven ` +
        "overlap that draws checkerboards.");
    return said;
  }
  if (!small) return [
    `It does not fit: the kernel spans ${span} rows, the padded input has ${large}. PyTorch refuses.`];
  const seen = counts(state).slice(p, p + n).filter((c) => c).length;
  const said = [!rest ? "The division leaves no rest: the last window ends in the last row." :
    `The floor drops a rest of ${rest}: the last ${rest === 1 ? "row and column" :
      `${rest} rows and columns`} of the padded input are in no window` +
      `${rest <= p ? ". They are padding" : ""}.`];
  if (seen < n) said.push(`${n * n - seen * seen} of the ${n * n} pixels are in no window at all.`);
  if (out === n) said.push("The output is as large as the input.");
  return said;
}

/** The layer in PyTorch. */
export function layer({ kernel_size, stride, padding, dilation, mode }) {
  const options = Object.entries({ stride, padding, dilation })
    .filter(([name, value]) => value !== (name === "padding" ? 0 : 1))
    .map(([name, value]) => `, ${name}=${value}`);
  const name = mode === "transposed" ? "ConvTranspose2d" : "Conv2d";
  return `nn.${name}(1, 1, ${kernel_size}${options.join("")})`;
}

// Signals of area 1. convolution_arithmetic.py has the same; a test compares the two.
export const SHAPES = {
  box: (t) => (Math.abs(t) < 0.5 ? 1 : 0),
  triangle: (t) => Math.max(0, 1 - Math.abs(t)),
  exponential: (t) => (t > 0 ? Math.exp(-t) : 0),
};
const REACH = 4, STEP = 1 / 32; // shifts are multiples of the step, samples lie between them
const PLACES = Array.from({ length: 24 / STEP }, (_, i) => -8 + (i + 0.5) * STEP);
const SHIFTS = Array.from({ length: (2 * REACH) / STEP + 1 }, (_, i) => -REACH + i * STEP);

/** The kernel as it lies on the signal at a shift: turned around for a convolution. */
export const laid = ({ kernel, flipped }, shift) => (a) =>
  SHAPES[kernel](flipped ? shift - a : a - shift);

/** The area under the product at a shift. */
export function area(state, shift) {
  const x = SHAPES[state.signal], w = laid(state, shift);
  return STEP * PLACES.reduce((sum, a) => sum + x(a) * w(a), 0);
}

/** The area at every shift that is shown. */
export const curve = (state) => SHIFTS.map((shift) => area(state, shift));

const CELL = 22, GAP = 3.5 * CELL;

function render({ model, el }) {
  const NAMES = ["mode", "size", "kernel_size", "stride", "padding", "dilation", "place", "counted",
    "signal", "kernel", "flipped", "shift"];
  const state = () => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
  const set = setter(model);

  // Playing: the window walks over all its places, the kernel over all shifts.
  let timer = null;
  const sliding = () => model.get("mode") === "signals";
  const last = () => (sliding() ? model.get("shift") >= REACH : walked(1)[2]);
  const play = button("Play", () => {
    if (timer) return pause();
    if (last()) set(sliding() ? { shift: -REACH } : { place: [0, 0] });
    play.textContent = "Pause";
    const forward = () => {
      move(sliding() ? 2 * STEP : 1);
      if (last()) pause();
    };
    timer = setInterval(forward, sliding() ? 50 : 500);
  });
  // Nothing moves by itself where the reader's system asks for that; Step and the keys do.
  play.hidden = matchMedia("(prefers-reduced-motion: reduce)").matches;
  function pause() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
    update();
  }
  const within = (value, high, low = 0) => Math.max(low, Math.min(high, value));
  /** The place, brought back to where there is a window. */
  const placed = (small) => model.get("place").map((i) => within(i, Math.max(0, small - 1)));
  /** Row and column so many windows on, round and round; and whether that was beyond the last. */
  function walked(by) {
    const { small } = sizes(state());
    if (!small) return [0, 0, true];
    const [row, column] = placed(small), next = row * small + column + by, all = small * small;
    const i = (next + all) % all;
    return [Math.floor(i / small), i % small, next >= all];
  }
  function move(by) {
    if (sliding()) return set({ shift: within(model.get("shift") + by, REACH, -REACH) });
    return set({ place: walked(by).slice(0, 2) });
  }
  const step = (direction) => () => {
    pause();
    move(sliding() ? direction * 4 * STEP : direction);
  };
  const buttons = [play, button("Step", step(1)), button("Back", step(-1))];

  const settings = (values) => {
    pause();
    set(values);
  };
  const mode = choice("Show", [["convolution", "convolution"],
    ["transposed", "transposed convolution"], ["signals", "two signals"]], (value) => settings({ mode: value }));
  const numbers = Object.fromEntries([["size", "Input n", 1, 10], ["kernel_size", "Kernel k", 1, 5],
    ["stride", "Stride s", 1, 3], ["padding", "Padding p", 0, 3], ["dilation", "Dilation d", 1, 3],
  ].map(([name, label, min, max]) => [name, slider(label, { min, max, step: 1 },
    (value) => settings({ [name]: value }))]));
  const counted = element("input", { type: "checkbox" });
  counted.addEventListener("change", () => set({ counted: counted.checked }));
  const shapes = Object.keys(SHAPES).map((name) => [name, name]);
  const signal = choice("Signal x", shapes, (value) => settings({ signal: value }));
  const kernel = choice("Kernel w", shapes, (value) => settings({ kernel: value }));
  const way = choice("Operation", [["c", "convolution"], ["x", "cross-correlation"]],
    (value) => settings({ flipped: value === "c" }));
  const shift = slider("Shift t", { min: -REACH, max: REACH, step: STEP }, (t) => set({ shift: t }));

  const grids = element("svg", {
    class: "grids", tabindex: 0, role: "application", "aria-roledescription": "input and output" });
  grids.addEventListener("click", (event) => {
    const place = event.target.closest("[data-place]")?.getAttribute("data-place");
    if (place) settings({ place: place.split(",").map(Number) });
  });
  grids.addEventListener("keydown", (event) => {
    if (!(event.key in MOVES)) return;
    const { small } = sizes(state()), [row, column] = placed(small), [dx, dy] = MOVES[event.key];
    const inside = (i) => within(i, Math.max(0, small - 1));
    settings({ place: [inside(row - dy), inside(column + dx)] });
    event.preventDefault();
  });

  const overlaid = frame("Signal, kernel, their product", 170, "a");
  const result = frame("Area under the product", 130, "shift t");
  const goto = (t) => {
    settings({ shift: within(Math.round(t / STEP) * STEP, REACH, -REACH) + 0 }); // no −0
  };
  for (const box of [overlaid, result]) {
    const ticks = [-4, -2, 0, 2, 4].map((t) => [t, number(t)]);
    box.limits([-REACH, REACH], [0, 1.1], ticks, [0, 0.5, 1].map((y) => [y, number(y)]));
    box.inside.append(element("g", { class: "drawing" }), element("circle", { class: "handle", r: 18 }));
    movable(box, box.inside.querySelector(".handle"), goto,
      (dx, dy) => goto(model.get("shift") + 4 * STEP * (dx || dy)));
  }

  const status = element("div", { class: "figure-status", "aria-live": "polite" });
  const here = element("p", { class: "here" });
  const key = element("p", { class: "figure-key" });
  const onGrid = element("div", {}, ...Object.values(numbers).map(({ row }) => row),
    element("label", {}, counted, "count the windows over each pixel"));
  const onSignals = element("div", { class: "figure-inputs" }, signal.row, kernel.row, way.row);
  const root = element(
    "div", { class: "course-figure descent arithmetic", role: "group", "aria-label": model.get("alt") },
    element(
      "div", { class: "layout" },
      element("div", { class: "controls" },
        element("div", { class: "figure-inputs" }, mode.row), onGrid, onSignals, shift.row,
        element("div", { class: "figure-buttons" }, ...buttons)),
      element("div", { class: "plots" }, grids, overlaid.svg, result.svg),
      element("div", { class: "words" }, status, here, key),
    ),
  );

  const name = { convolution: ["input", "output"], transposed: ["output", "input"] };
  // What was drawn or computed for these settings is kept: a walk changes none of them.
  let drawn = "", kept = null, values = [];

  /** Both grids; `small` beside `large`, the input always on the left. */
  function drawGrids(now) {
    const { small, large, out, rest } = sizes(now), p = now.padding, turned = now.mode === "transposed";
    const span = spanOf(now), all = counts(now);
    const side = CELL * Math.max(large, small, small ? 0 : span);
    const right = CELL * (turned ? small : Math.max(large, small ? 0 : span)) + GAP;
    // Titles keep their size on the screen where many cells make the scale small.
    const letters = Math.max(13, (CELL * (large + small) + GAP) / 28), head = 1.7 * letters;
    const width = right + Math.max(CELL * (turned ? large : small), 7 * letters) + 2;
    const center = (n) => head + (side - n * CELL) / 2;
    const corner = { large: [turned ? right : 1, small ? center(large) : head],
      small: [turned ? 1 : right, center(small)] };
    const cell = (which, row, column, attributes, text) => {
      const [x, y] = [corner[which][0] + column * CELL, corner[which][1] + row * CELL];
      const hatching = `M${x} ${y + CELL / 2}l${CELL / 2} ${-CELL / 2}M${x} ${y + CELL}l${CELL} ` +
        `${-CELL}m0 ${CELL / 2}l${-CELL / 2} ${CELL / 2}`;
      return element("g", attributes, element("rect", { x, y, width: CELL, height: CELL }),
        ...(attributes.class.includes("dropped") ? [element("path", { d: hatching })] : []),
        ...(text === "" ? [] : [element("text",
          { x: x + CELL / 2, y: y + CELL / 2 + 5, "text-anchor": "middle" }, text)]));
    };
    const cells = Array.from({ length: large * large }, (_, i) => {
      const [row, column] = [Math.floor(i / large), i % large];
      const outer = [row, column].some((j) => j < p || j >= large - p);
      const dropped = Math.max(row, column) >= large - rest;
      const count = all[row] * all[column];
      const kind = `${outer ? "outer" : ""}${dropped ? " dropped" : !count ? " unseen" : ""}`;
      return cell("large", row, column, { class: `large ${kind}` },
        now.counted ? String(count) : count || outer || dropped || !small ? "" : "×");
    });
    const others = Array.from({ length: small * small }, (_, i) => {
      const place = [Math.floor(i / small), i % small];
      return cell("small", ...place, { class: "small", "data-place": String(place) }, "");
    });
    grids.setAttribute("viewBox", `0 0 ${width} ${head + side + 3}`);
    grids.style.maxWidth = `${1.4 * width}px`;
    const [below, above] = name[now.mode];
    const title = (which, what, n) => element("text", {
      x: corner[which][0], y: corner[which][1] - letters / 2, style: `font-size: ${letters}px` },
      n ? `${what} ${times(n)}` : `no ${what}`);
    grids.replaceChildren(
      title("large", below, turned ? out : now.size), title("small", above, small),
      ...cells, ...others, element("g", { class: "window" }));
    return { corner, span };
  }

  function updateGrid(now) {
    const { small, large, out } = sizes(now), { stride: s, dilation: d, kernel_size: k } = now;
    const current = JSON.stringify({ ...now, place: 0, shift: 0 });
    if (current !== drawn) kept = drawGrids(now);
    drawn = current;
    const [row, column] = placed(small), [x0, y0] = kept.corner.large;
    const taps = Array.from({ length: k }, (_, i) => d * i);
    const under = new Set(!small ? [] : taps.flatMap((i) =>
      taps.map((j) => (s * row + i) * large + s * column + j)));
    grids.querySelectorAll(".large").forEach((cell, i) => cell.classList.toggle("tap", under.has(i)));
    grids.querySelectorAll(".small").forEach((cell, i) =>
      cell.classList.toggle("chosen", i === row * small + column));
    // The frame around all taps, and two lines to the entry that belongs to it.
    const box = { x: x0 + s * column * CELL, y: y0 + s * row * CELL,
      width: kept.span * CELL, height: kept.span * CELL };
    const entry = { x: kept.corner.small[0] + column * CELL, y: kept.corner.small[1] + row * CELL,
      width: CELL, height: CELL };
    const [left, right] = entry.x < box.x ? [entry, box] : [box, entry];
    const lines = [0, 1].map((end) => element("line", {
      x1: left.x + left.width, y1: left.y + end * left.height, x2: right.x,
      y2: right.y + end * right.height }));
    grids.querySelector(".window").replaceChildren(
      ...(small ? [...lines, element("rect", { ...entry, class: "entry" })] : []),
      element("rect", { ...box, class: small ? "span" : "span wrong" }));

    const pad = now.padding, seen = (i) => {
      const [from, to] = [s * i - pad, s * i - pad + kept.span - 1].map(number);
      return from === to ? from : `${from} to ${to}`;
    };
    const [below, above] = name[now.mode];
    const verb = now.mode === "transposed" ? "goes to" : "sees";
    here.textContent = small ? `${above[0].toUpperCase()}${above.slice(1)} (${row}, ${column}) ${verb} ` +
      `rows ${seen(row)}, columns ${seen(column)} of the ${below}.` : "";
    grids.setAttribute("aria-label", `Input ${times(now.size)}, output ${times(out)}. ${here.textContent}`);
    return [`${times(now.size)} → ${out ? times(out) : "nothing"}`, ...formula(now), ...remarks(now),
      layer(now)];
  }

  function updateSignals(now) {
    const x = SHAPES[now.signal], w = laid(now, now.shift);
    const shown = PLACES.filter((a) => Math.abs(a) < REACH);
    const path = (box, f, from = shown) => line(from.map((a) => [box.across(a), box.up(f(a))]));
    const product = path(overlaid, (a) => x(a) * w(a));
    const t = now.shift, found = area(now, t);
    const current = [now.signal, now.kernel, now.flipped].join();
    if (current !== drawn) values = curve(now);
    drawn = current;
    overlaid.inside.querySelector(".drawing").replaceChildren(
      element("path", { class: "product", d: `M${overlaid.across(-REACH)} ${overlaid.up(0)}` +
        `${product.replace("M", "L")}L${overlaid.across(REACH)} ${overlaid.up(0)}Z` }),
      element("path", { class: "signal", d: path(overlaid, x) }),
      element("path", { class: "kernel", d: path(overlaid, w) }),
      element("line", { class: "now", x1: overlaid.across(t), x2: overlaid.across(t), y1: 0, y2: 170 }));
    result.inside.querySelector(".drawing").replaceChildren(
      element("path", { class: "signal", d: line(SHIFTS.map((s, i) =>
        [result.across(s), result.up(values[i])])) }),
      element("line", { class: "now", x1: result.across(t), x2: result.across(t),
        y1: result.up(0), y2: result.up(found) }),
      element("circle", { class: "point", cx: result.across(t), cy: result.up(found), r: 6 }));
    for (const [box, height] of [[overlaid, 0.55], [result, found]]) {
      const handle = box.inside.querySelector(".handle");
      handle.setAttribute("cx", box.across(t));
      handle.setAttribute("cy", box.up(height));
      box.svg.setAttribute("aria-label",
        `Shift ${number(t)}, area under the product ${found.toFixed(3)}.`);
    }
    const boxes = now.signal === "box" && now.kernel === "box";
    here.textContent = `t = ${number(t)}: area ${found.toFixed(3)}`;
    return [
      now.flipped ? "(x ∗ w)(t) = ∫ x(a) w(t − a) da" : "(x ⋆ w)(t) = ∫ x(a) w(a − t) da",
      now.flipped ? "The kernel is turned around and shifted by t." :
        "The kernel is shifted by t, not turned around.",
      now.kernel === "exponential" ? "This kernel turned around is another one." :
        "This kernel turned around is the same: both operations agree.",
      boxes ? "Both are 0 or 1, so the area is the length of their overlap. For no other pair here " +
        "is it that." : "What counts is the area under the product, not how far the two overlap.",
    ];
  }

  function update() {
    const now = state(), signals = now.mode === "signals";
    mode.select.value = now.mode;
    for (const [own, { show }] of Object.entries(numbers)) show(now[own], String(now[own]));
    counted.checked = now.counted;
    signal.select.value = now.signal;
    kernel.select.value = now.kernel;
    way.select.value = now.flipped ? "c" : "x";
    shift.show(now.shift, number(now.shift));
    for (const part of [onSignals, shift.row, overlaid.svg, result.svg]) part.hidden = !signals;
    for (const part of [overlaid.svg, result.svg]) part.toggleAttribute("hidden", !signals);
    onGrid.hidden = signals;
    grids.toggleAttribute("hidden", signals);
    const lines = signals ? updateSignals(now) : updateGrid(now);
    for (const b of buttons) b.disabled = !signals && !sizes(now).small;
    key.textContent = signals ?
      "Solid: the signal. Dashed: the kernel, turned and shifted. Shaded: their product. Drag, tap, or " +
        "use the arrow keys in a plot." :
      "Frame: the window. Filled: its taps. Dashed cells: padding" +
        (now.mode === "transposed" ? " that is cut off" : "") +
        `. ${now.mode === "transposed" ? "×: no product arrives." :
          "Hatched: dropped by the floor. ×: a pixel in no window."} ` +
        "Tap an entry beside it, or use the arrow keys in the figure.";
    // Nothing is said anew while the window only walks.
    const text = lines.join("\n");
    if (status.dataset.said === text) return;
    status.dataset.said = text;
    status.replaceChildren(...lines.map((words, i) => element("p", i ? {} : { class: "formula" },
      words.startsWith("nn.") ? element("code", {}, words) : words)));
  }

  const end = live(el, root, model, NAMES, update);
  return () => {
    clearInterval(timer);
    end();
  };
}

export default { render };
