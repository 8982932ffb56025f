// What a 3 × 3 kernel does to a picture. figure.js stands before this file.

// Nine weights, row by row, the divisor, and whether the result is shown with its sign. The Python
// file has the same; a test compares the two.
export const KERNELS = {
  "identity": [[0, 0, 0, 0, 1, 0, 0, 0, 0], 1, false],
  "shift": [[0, 0, 0, 1, 0, 0, 0, 0, 0], 1, false],
  "box blur": [[1, 1, 1, 1, 1, 1, 1, 1, 1], 9, false],
  "weighted blur": [[0, 1, 0, 1, 4, 1, 0, 1, 0], 8, false],
  "Gaussian blur": [[1, 2, 1, 2, 4, 2, 1, 2, 1], 16, false],
  "sharpen": [[0, -1, 0, -1, 5, -1, 0, -1, 0], 1, false],
  "sharpen gently": [[0, -1, 0, -1, 8, -1, 0, -1, 0], 4, false],
  "emboss": [[-18, -9, 0, -9, 9, 9, 0, 9, 18], 9, false],
  "Sobel x": [[1, 0, -1, 2, 0, -2, 1, 0, -1], 1, true],
  "Sobel y": [[1, 2, 1, 0, 0, 0, -1, -2, -1], 1, true],
  "Laplacian": [[0, 1, 0, 1, -4, 1, 0, 1, 0], 1, true],
  "Laplacian, negative": [[0, -1, 0, -1, 4, -1, 0, -1, 0], 1, true],
  "Laplacian, negative, 8 neighbors": [[-1, -1, -1, -1, 8, -1, -1, -1, -1], 1, true],
  "mixed derivative": [[1, 0, -1, 0, 0, 0, -1, 0, 1], 1, true],
};

/** Gray levels {height, width, levels} of a picture as the figure carries it. */
export function decode({ size: [height, width], gray }) {
  return { height, width, levels: Uint8Array.from(atob(gray), (c) => c.charCodeAt(0)) };
}

/** A pixel, also one that lies next to the picture. */
function pixel({ height, width, levels }, border, row, column) {
  const outside = row < 0 || row >= height || column < 0 || column >= width;
  if (outside && border === "zeros") return 0;
  const back = (i, n) => (i < 0 ? -i : i >= n ? 2 * n - 2 - i : i);
  return levels[back(row, height) * width + back(column, width)];
}

/** The nine weights as they lie on the picture: turned by 180° for a convolution. */
export const laid = ({ kernel, flipped }) => (flipped ? kernel.toReversed() : kernel);

/** The window at a place: what each weight meets, and the sum. */
export function lookAt(image, state, [row, column] = state.place) {
  const terms = laid(state).map((weight, i) => {
    const [y, x] = [row + Math.floor(i / 3) - 1, column + (i % 3) - 1];
    const level = pixel(image, state.border, y, x);
    const outside = y < 0 || y >= image.height || x < 0 || x >= image.width;
    return { weight, level, product: weight * level, outside };
  });
  const sum = terms.reduce((total, { product }) => total + product, 0);
  return { terms, sum, value: sum / state.divisor + state.bias };
}

/** The whole result, row by row. */
export function convolve(image, state) {
  const { height, width } = image, weights = laid(state);
  const result = new Float64Array(height * width);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      let sum = 0;
      for (let i = 0; i < 9; i++) {
        if (weights[i] === 0) continue;
        sum += weights[i] *
          pixel(image, state.border, row + Math.floor(i / 3) - 1, column + (i % 3) - 1);
      }
      result[row * width + column] = sum / state.divisor + state.bias;
    }
  }
  return result;
}

/** What the nine numbers tell before any picture is seen. */
export function remarks({ kernel, divisor, bias }) {
  const sum = kernel.reduce((a, b) => a + b, 0) / divisor;
  const gain = Math.abs(sum) < 1e-9 ? 0 : Math.abs(sum - 1) < 1e-9 ? 1 : sum;
  const flat = { 0: "flat areas become 0", 1: "flat areas keep their gray level" }[gain] ??
    `flat areas become ${number(gain)} times their gray level`;
  const turned = kernel.toReversed();
  const same = (sign) => kernel.every((w, i) => w === sign * turned[i]);
  const twin = same(1) ?
    "Turned by 180° the kernel is the same: convolution and cross-correlation agree." :
    same(-1) ?
      "Turned by 180° the kernel is its own negative: convolution and cross-correlation differ in sign." :
      "Turned by 180° the kernel is another one: convolution and cross-correlation differ.";
  const added = bias ? `, before the bias of ${number(bias)}` : "";
  return [`The weights over the divisor sum to ${number(gain)}: ${flat}${added}.`, twin];
}

/** A gray level on the screen: 0 is black, or mid-gray where signs are shown. */
export const shade = (value, signed) =>
  Math.max(0, Math.min(255, Math.round(signed ? 127.5 + value / 2 : value)));

function draw(canvas, { height, width }, values, signed) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d"), data = context.createImageData(width, height);
  values.forEach((value, i) => {
    data.data.fill(shade(value, signed), 4 * i, 4 * i + 3);
    data.data[4 * i + 3] = 255;
  });
  context.putImageData(data, 0, 0);
}

/** One decimal at most: a product or a sum, as short as it can be. */
const short = (value) => number(Math.round(10 * value) / 10);

/** A standard normal number, by Box and Muller. */
const normal = () =>
  Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

function render({ model, el }) {
  const NAMES = ["picture_name", "kernel", "divisor", "bias", "border", "flipped", "signed", "place"];
  const state = () => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
  const images = Object.fromEntries(
    Object.entries(model.get("images")).map(([name, image]) => [name, decode(image)]));
  const now = () => images[model.get("picture_name")];
  const set = setter(model);

  const picture = choice("Picture", Object.keys(images).map((name) => [name, name]), (name) => {
    const [from, to] = [now(), images[name]];
    const [row, column] = model.get("place");
    // The window stays where it is, in parts of the picture.
    const place = [Math.floor((row / from.height) * to.height),
      Math.floor((column / from.width) * to.width)];
    set({ place: [0, 0] });
    set({ picture_name: name });
    set({ place });
  });
  const preset = choice(
    "Kernel", [["", "your own"], ...Object.keys(KERNELS).map((name) => [name, name])], (name) => {
      if (!(name in KERNELS)) return;
      const [kernel, divisor, signed] = KERNELS[name];
      set({ kernel: [...kernel], divisor, signed, bias: 0 });
    });
  const border = choice("Outside", [["zeros", "zeros"], ["reflect", "reflection"]],
    (value) => set({ border: value }));
  const way = choice("Operation",
    [["", "cross-correlation"], ["flipped", "convolution (kernel turned)"]],
    (value) => set({ flipped: value === "flipped" }));
  const shown = choice("Shown", [["", "0 black, 255 white"], ["signed", "0 mid-gray (signs)"]],
    (value) => set({ signed: value === "signed" }));

  /** A field for a number; what is no number (yet) changes nothing. */
  const field = (label, onChange, allowed = () => true) => {
    const input = element("input", { type: "number", step: "any", "aria-label": label });
    input.addEventListener("input", () => {
      const value = input.valueAsNumber;
      const right = Number.isFinite(value) && allowed(value);
      input.setAttribute("aria-invalid", String(!right));
      if (right) onChange(value);
    });
    input.addEventListener("change", () => update());  // left empty: back to what holds
    const show = (value) => {
      if (input.valueAsNumber === value) return;
      input.value = String(value);
      input.setAttribute("aria-invalid", "false");
    };
    return { input, show };
  };
  const weights = Array.from({ length: 9 }, (_, i) => field(
    `Weight in row ${Math.floor(i / 3) + 1}, column ${(i % 3) + 1}`,
    (value) => set({ kernel: model.get("kernel").with(i, value) })));
  const divisor = field("Divisor", (value) => set({ divisor: value }), (value) => value !== 0);
  const bias = field("Bias", (value) => set({ bias: value }));
  const random = element("button", { type: "button" }, "Random kernel");
  random.addEventListener("click", () => set({
    kernel: Array.from({ length: 9 }, () => Math.round(100 * normal()) / 100),
    divisor: 1, bias: 0, signed: true,
  }));

  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const goto = (row, column) => {
    const within = (i, n) => Math.max(0, Math.min(n - 1, Math.floor(i)));
    const place = [within(row, now().height), within(column, now().width)];
    if (String(place) !== String(model.get("place"))) set({ place });
  };
  const stage = (attributes) => {
    const canvas = element("canvas", { "aria-hidden": "true" });
    const overlay = element("svg", { "aria-hidden": "true" });
    const made = element("div", { class: "stage", ...attributes }, canvas, overlay);
    const follow = (event) => {
      const box = made.getBoundingClientRect();
      goto(((event.clientY - box.top) / box.height) * now().height,
        ((event.clientX - box.left) / box.width) * now().width);
    };
    made.addEventListener("pointerdown", (event) => {
      made.setPointerCapture(event.pointerId);
      follow(event);
    });
    made.addEventListener("pointermove", (event) => {
      if (made.hasPointerCapture(event.pointerId)) follow(event);
    });
    return { made, canvas, overlay };
  };
  const before = stage({ tabindex: 0, role: "application", "aria-roledescription": "picture" });
  const after = stage({ role: "img" });
  before.made.addEventListener("keydown", (event) => {
    if (!(event.key in moves)) return;
    const [row, column] = model.get("place"), [dy, dx] = moves[event.key];
    const far = event.shiftKey ? 10 : 1;
    goto(row + far * dy, column + far * dx);
    event.preventDefault();
  });

  const products = element("table", {
    class: "products", "aria-label": "Gray level times weight, for the nine pixels of the window" });
  const legend = element("div", { class: "legend" });
  const status = element("div", { class: "figure-status", "aria-live": "polite" });
  const root = element(
    "div", { class: "course-figure convolution", role: "group", "aria-label": model.get("alt") },
    element(
      "div", { class: "layout" },
      element(
        "div", { class: "controls" },
        element("div", { class: "choices" }, picture.row, preset.row),
        element("div", { class: "numbers" },
          element("div", { class: "kernel", role: "group", "aria-label": "Kernel, 3 × 3" },
            ...weights.map(({ input }) => input)),
          element("div", { class: "scale" },
            element("label", {}, "÷", divisor.input), element("label", {}, "+", bias.input), random)),
        element("div", { class: "choices" }, way.row, border.row, shown.row),
      ),
      element(
        "div", { class: "pictures" },
        element("figure", {}, before.made, element("figcaption", {}, "picture")),
        element("figure", {}, after.made, element("figcaption", {}, "result ", legend)),
      ),
      element("div", { class: "window" }, products, status),
      element("p", { class: "figure-key" },
        "Move the window: drag it, or use the arrow keys in the picture (with Shift ten pixels). " +
          "Dashed cells lie outside the picture."),
    ),
  );

  /** The frames around the window and around its pixel, dark within light. */
  function frame(overlay, image, [row, column], size) {
    overlay.setAttribute("viewBox", `0 0 ${image.width} ${image.height}`);
    const corner = { x: column + (1 - size) / 2, y: row + (1 - size) / 2, width: size, height: size };
    overlay.replaceChildren(
      element("rect", { ...corner, class: "light" }), element("rect", { ...corner, class: "dark" }),
      element("circle", { cx: column + 0.5, cy: row + 0.5, r: image.width / 8, class: "handle" }),
    );
  }

  function update() {
    const current = state(), image = now(), { kernel, place, signed } = current;
    picture.select.value = current.picture_name;
    border.select.value = current.border;
    way.select.value = current.flipped ? "flipped" : "";
    shown.select.value = signed ? "signed" : "";
    preset.select.value = Object.entries(KERNELS).find(([, [own, by]]) =>
      by === current.divisor && own.every((w, i) => w === kernel[i]))?.[0] ?? "";
    weights.forEach(({ show }, i) => show(kernel[i]));
    divisor.show(current.divisor);
    bias.show(current.bias);

    const result = convolve(image, current);
    draw(before.canvas, image, image.levels, false);
    draw(after.canvas, image, result, signed);
    frame(before.overlay, image, place, 3);
    frame(after.overlay, image, place, 1);
    const ends = signed ? ["−255", "0", "255"] : ["0", "255"];
    legend.replaceChildren(
      element("span", { class: "bar", "aria-hidden": "true" }),
      element("span", { class: "ends" }, ...ends.map((text) => element("span", {}, text))));

    const { terms, sum, value } = lookAt(image, current);
    const cells = terms.map(({ weight, level, product, outside }) => element(
      "td", outside ? { class: "outside" } : {},
      element("span", { class: "factors" }, `${level} · ${number(weight)}`),
      element("span", {}, `= ${short(product)}`)));
    products.replaceChildren(element("tbody", {},
      ...[0, 3, 6].map((i) => element("tr", {}, ...cells.slice(i, i + 3)))));
    const { divisor: by, bias: plus } = current;
    const rest = `${by === 1 ? "" : ` ÷ ${number(by)}`}${plus ? ` + ${number(plus)}` : ""}`
      .replace("+ −", "− ");
    const finish = rest ? `${short(sum)}${rest} = ${short(value)}` : short(value);
    const low = result.reduce((a, b) => Math.min(a, b)), high = result.reduce((a, b) => Math.max(a, b));
    const share = (test) => `${number(Math.round((1000 * result.filter(test).length) / result.length) / 10)}\u00a0%`;
    const lines = [
      `Row ${place[0]}, column ${place[1]}: sum ${finish}`,
      `Result from ${short(low)} to ${short(high)}; below 0: ${share((v) => v < -1e-9)}, ` +
        `above 255: ${share((v) => v > 255 + 1e-9)} of the pixels.`,
      ...remarks(current),
    ];
    status.replaceChildren(...lines.map((text, i) =>
      element("p", i ? {} : { class: "formula" }, text)));
    before.made.setAttribute("aria-label",
      `${current.picture_name}, ${image.height} by ${image.width} pixels. Window at row ${place[0]}, ` +
        `column ${place[1]}, gray level ${image.levels[place[0] * image.width + place[1]]}.`);
    after.made.setAttribute("aria-label", `The result, at the window ${short(value)}.`);
  }

  return live(el, root, model, NAMES, update);
}

export default { render };
