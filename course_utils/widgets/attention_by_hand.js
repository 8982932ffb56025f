// Self-attention by hand. figure.js stands before this file.

const transpose = (rows) => rows[0].map((_, c) => rows.map((row) => row[c]));
const sum = (values) => values.reduce((total, x) => total + x, 0);
const dot = (a, b) => sum(a.map((x, i) => x * b[i]));
const matmul = (a, b) => a.map((row) => transpose(b).map((column) => dot(row, column)));

function softmax(values) {
  const high = Math.max(...values);
  const powers = values.map((x) => Math.exp(x - high));
  return powers.map((x) => x / sum(powers));
}

/** All matrices as they are shown. `z` is null where a product is not defined; `right` is Z. */
export function attention({ x, w_q, w_k, w_v, d_v, mask, columns, formula }) {
  const [q, k, v] = [w_q, w_k, w_v.slice(0, d_v)].map((w) => matmul(x, transpose(w)));
  const scores = matmul(q, transpose(k)); // a row for each query
  const scaled = scores.map((row, i) => row.map((score, j) =>
    (mask && j > i ? -Infinity : score / Math.sqrt(w_q.length))));
  const weights = scaled.map(softmax);
  const right = matmul(weights, v);
  const rows = { x, q, k, v, scores, scaled, weights, z: right, right };
  if (!columns) return rows;
  if (formula === "sum over queries") rows.z = matmul(transpose(weights), v);
  const shown = Object.fromEntries(
    Object.entries(rows).map(([name, matrix]) => [name, transpose(matrix)]));
  if (formula === "as printed") {
    Object.assign(shown, { scores, scaled, weights });
    shown.z = d_v === 4 ? matmul(weights, shown.v) : null;
  }
  return shown;
}

const STEPS = ["Tokens", "Project", "Score", "Scale", "Softmax", "Combine"];
const EDITABLE = ["x", "w_q", "w_k", "w_v"], MOST = 99;
const SINCE = { x: 0, w_q: 0, w_k: 0, w_v: 0, q: 1, k: 1, v: 1, scores: 2, scaled: 3, weights: 4, z: 5 };
const SQUARES = ["scores", "scaled", "weights"];
const SUBSCRIPTS = [..."₁₂₃₄"];

/** Two decimals at most. */
const short = (value) => {
  if (value === -Infinity) return "−∞";
  return number(Math.round(100 * value) / 100 || 0);
};
/** Two decimals, or one where there is no room for two. */
const fixed = (value) => {
  const digits = Math.abs(value) < 10 ? 2 : 1;
  return value === -Infinity ? "−∞" :
    (Number(value.toFixed(digits)) || 0).toFixed(digits).replace("-", "−");
};
const vector = (values) => `(${values.map(short).join(", ")})`;

/** Text in which _Q and _ij are subscripts. */
const math = (text) => text.split(/(_[a-zA-Z]+)/).map((part) =>
  (part[0] === "_" ? element("sub", {}, part.slice(1)) : part));

/** What the matrices are called in this convention. */
function titles({ columns, formula, mask }) {
  const made = columns ?
    { q: "Q = W_Q X", k: "K = W_K X", v: "V = W_V X", scores: "Kᵀ Q", scaled: "Kᵀ Q ÷ √3",
      weights: "A = softmax↓", z: "Z = V A" } :
    { q: "Q = X W_Qᵀ", k: "K = X W_Kᵀ", v: "V = X W_Vᵀ", scores: "Q Kᵀ", scaled: "Q Kᵀ ÷ √3",
      weights: "A = softmax→", z: "Z = A V" };
  if (formula === "as printed") {
    Object.assign(made, { scores: "Qᵀ K", scaled: "Qᵀ K ÷ √3", weights: "A = softmax→",
      z: "A V" });
  }
  if (formula === "sum over queries") made.z = "V Aᵀ";
  if (mask) made.scaled += ", masked";
  return { x: "X", w_q: "W_Q", w_k: "W_K", w_v: "W_V", ...made };
}

/** The whole computation in one line. */
export function summary({ columns, formula }) {
  if (formula === "as printed") return "Z = softmax→(Qᵀ K ÷ √d) V";
  if (formula === "sum over queries") return "z_j = a₁_j v₁ + a₂_j v₂ + a₃_j v₃ + a₄_j v₄";
  return columns ? "Z = V softmax↓(Kᵀ Q ÷ √3)" : "Z = softmax→(Q Kᵀ ÷ √3) V";
}

/** This step, written out for the chosen token: a heading and lines. */
export function explain(state, found) {
  const { columns, formula, token: i, tokens, step, mask, d_v } = state;
  const name = `“${tokens[i]}”`, n = SUBSCRIPTS[i];
  const own = (matrix) => (columns ? matrix.map((row) => row[i]) : matrix[i]);
  const all = (matrix) => (columns ? transpose(matrix) : matrix);
  const across = !columns || formula === "as printed"; // a query is a row of the squares
  const line = (matrix) => (across ? matrix[i] : matrix.map((row) => row[i]));
  const [q, keys, values] = [own(found.q), all(found.k), all(found.v)];
  const [scores, scaled, weights] = SQUARES.map((one) => line(found[one]));
  const form = (w, x) => (columns ? `W_${w} ${x}` : `${x} W_${w}ᵀ`);
  if (step === 0) {
    return [`${name} is ${columns ? "column" : "row"} ${i + 1} of X: x${n} = ${vector(own(found.x))}`];
  }
  if (step === 1) {
    return [
      `q${n} = ${form("Q", `x${n}`)} = ${vector(q)}: what ${name} asks for`,
      `k${n} = ${form("K", `x${n}`)} = ${vector(own(found.k))}: what it answers to`,
      `v${n} = ${form("V", `x${n}`)} = ${vector(own(found.v))}: what it gives`,
    ];
  }
  if (step === 2) {
    return [`How well each key answers the query of ${name}:`, ...keys.map((key, j) =>
      `${tokens[j]}: q${n} · k${SUBSCRIPTS[j]} = ` +
        `${q.map((value, d) => `${short(value)} · ${short(key[d])}`).join(" + ")} = ${short(scores[j])}`)];
  }
  if (step === 3) {
    return [`Divided by √d = √3 = 1.73, since the product of two vectors has d terms${
      mask ? "; what comes later is masked" : ""}:`, ...scaled.map((value, j) =>
      (value === -Infinity ? `${tokens[j]}: −∞, since it comes after ${name}` :
        `${tokens[j]}: ${short(scores[j])} ÷ 1.73 = ${short(value)}`))];
  }
  if (step === 4) {
    const powers = scaled.map(Math.exp), total = sum(powers);
    return [`The powers of e, divided by their sum ${scientificOr(total)}, are shares:`,
      ...weights.map((weight, j) =>
        `${tokens[j]}: e^${short(scaled[j])} = ${scientificOr(powers[j])}, share ${fixed(weight)}`)];
  }
  if (formula === "as printed") {
    if (!found.z) {
      return [
        `A is 4 × 4 and V is ${d_v} × 4: not defined`,
        "Rows of 4 numbers meet columns of 5, so the product does not exist; torch raises an " +
          "error. The formula is the one for tokens as rows, written for columns.",
        "With values of 4 numbers it would run. Choose d = 4 and look whether it is right.",
      ];
    }
    const wrong = differing(found);
    return [
      wrong ? "It runs without a message, and it is wrong" : "It runs, and by luck it is right",
      `Column ${i + 1} of A V is made of v${n} = ${vector(values[i])} alone. Its numbers are mixed ` +
        "with weights that were meant for tokens, and no token learns anything from another.",
      `${plural(wrong, "number")} of 16 ${wrong === 1 ? "differs" : "differ"} from the right Z (dashed).`,
    ];
  }
  const mixed = formula === "sum over queries" ? found.weights[i] : weights;
  const terms = mixed.map((weight, j) => `${fixed(weight)} v${SUBSCRIPTS[j]}`).join(" + ");
  const first = mixed.map((weight, j) => `${fixed(weight)} · ${short(values[j][0])}`).join(" + ");
  const lines = [
    `z${n} = ${terms}`,
    `= ${vector(own(found.z))}`,
    `Its first number: ${first} = ${short(own(found.z)[0])}`,
  ];
  if (formula === "right") {
    lines.push(`${name} takes most from ${mostOf(weights, tokens)}. The weights sum to 1.`);
  } else {
    const wrong = differing(found);
    lines.push(`These weights sum to ${fixed(sum(mixed))}, not to 1: a_ij = q_i · k_j has the query ` +
      `first, so a₁_j … a₄_j are what all tokens, as queries, gave to the one key ${name}.`);
    lines.push(`${plural(wrong, "number")} of ${4 * d_v} ${wrong === 1 ? "differs" : "differ"
      } from the right Z (dashed).`);
  }
  return lines;
}

const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;
const scientificOr = (value) => (value && (value >= 1e4 || value < 1e-2) ?
  value.toExponential(1).replace("-", "−").replace("e+", "e") : short(value));
const differs = (found, r, c) => Math.abs(found.z[r][c] - found.right[r][c]) > 1e-9;
const differing = (found) =>
  found.z.flatMap((row, r) => row.filter((_, c) => differs(found, r, c))).length;

/** The tokens with the largest weight. */
function mostOf(weights, tokens) {
  const high = Math.max(...weights);
  const best = tokens.filter((_, j) => high - weights[j] < 1e-9);
  if (best.length === tokens.length) return "all tokens alike";
  return best.map((name) => `“${name}”`).join(" and ");
}

const CELL_WIDTH = 38, CELL_HEIGHT = 24, SIDE = 44, HEAD = 20, SMALLEST = 0.8;

function render({ model, el }) {
  const NAMES = ["x", "w_q", "w_k", "w_v", "tokens", "columns", "step", "token", "mask", "formula",
    "d_v"];
  const state = () => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
  const set = setter(model);
  const examples = model.get("examples");
  const contents = ({ x, w_q, w_k, w_v, tokens }) => JSON.stringify([x, w_q, w_k, w_v, tokens]);
  const given = Object.fromEntries(["x", "w_q", "w_k", "w_v", "tokens"].map((n) => [n, model.get(n)]));
  const known = (now) => Object.keys(examples).find((n) => contents(examples[n]) === contents(now));
  // The number that is being edited: a matrix, its row and its column as it is kept.
  let chosen = ["x", 0, 0];

  const example = choice("Numbers",
    [...(known(given) ? [] : [["", "given"]]), ...Object.keys(examples).map((n) => [n, n])],
    (name) => {
      const { x, w_q, w_k, w_v, tokens } = examples[name] ?? given;
      set({ x, w_q, w_k, w_v, tokens });
    });
  const edited = element("option", { value: "-", disabled: "" }, "edited");
  example.select.append(edited);
  const way = choice("Tokens are", [["columns", "columns, as on slides"], ["rows", "rows, as in code"]],
    (value) => set(value === "rows" ? { formula: "right", columns: false } : { columns: true }));
  const formula = choice("Formula",
    [["right", "right"], ["sum over queries", "wrong: sum over queries"],
      ["as printed", "wrong: softmax(QᵀK) V"]],
    (value) => set(value === "right" ? { formula: value } : { columns: true, formula: value }));
  const width = choice("Values have d =", [[5, "5"], [4, "4"]], (value) => set({ d_v: Number(value) }));
  const token = choice("Output", [0, 1, 2, 3].map((i) => [i, ""]),
    (value) => set({ token: Number(value) }));
  const mask = element("input", { type: "checkbox" });
  mask.addEventListener("change", () => set({ mask: mask.checked }));

  const back = button("Back", () => set({ step: Math.max(0, model.get("step") - 1) }));
  const next = button("Next", () => set({ step: Math.min(5, model.get("step") + 1) }));
  const place = element("strong", {});

  const field = element("input", { type: "number", step: "0.5", min: -MOST, max: MOST });
  const fieldName = element("span", {});
  const put = (value) => {
    if (!Number.isFinite(value) || Math.abs(value) > MOST) return;
    const [name, r, c] = chosen;
    set({ [name]: model.get(name).map((row, i) =>
      (i === r ? row.map((old, j) => (j === c ? value : old)) : row)) });
  };
  field.addEventListener("change", () => put(field.valueAsNumber));

  const status = element("div", { class: "figure-status", "aria-live": "polite" });
  const boxes = Object.fromEntries(Object.keys(SINCE).map((name) => {
    const svg = element("svg", {});
    const title = element("p", { class: "matrix-title" });
    const box = element("div", { class: "matrix-box" }, title, svg);
    svg.addEventListener("click", (event) => {
      const at = event.target.closest?.("[data-row]")?.dataset;
      if (!at) return;
      const [r, c] = [Number(at.row), Number(at.column)];
      if (EDITABLE.includes(name)) choose(name, r, c);
      else set({ token: state().columns && !(SQUARES.includes(name) && state().formula === "as printed") ?
        c : r });
    });
    if (EDITABLE.includes(name)) {
      svg.setAttribute("tabindex", 0);
      svg.setAttribute("role", "application");
      svg.setAttribute("aria-roledescription", "matrix of numbers");
      svg.addEventListener("focus", () => chosen[0] !== name && choose(name, 0, 0, true));
      svg.addEventListener("keydown", (event) => keyed(event, name));
    } else {
      svg.setAttribute("role", "img");
    }
    return [name, { box, svg, title }];
  }));

  /** How a matrix is shown: the numbers that are kept for it, turned if tokens are columns. */
  const kept = (name, now) => (name === "x" && now.columns);

  /** Choose a number by its place on the screen, or by where it is kept. */
  function choose(name, r, c, asKept = false) {
    chosen = kept(name, state()) && !asKept ? [name, c, r] : [name, r, c];
    update();
  }
  function keyed(event, name) {
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const changes = { "+": 0.5, "=": 0.5, "-": -0.5 };
    if (event.key in moves) {
      let [dr, dc] = moves[event.key];
      if (kept(name, state())) [dr, dc] = [dc, dr];
      const rows = model.get(name), within = (i, n) => Math.max(0, Math.min(n - 1, i));
      choose(name, within(chosen[1] + dr, rows.length), within(chosen[2] + dc, rows[0].length), true);
    } else if (event.key in changes) {
      put(Math.round(10 * (model.get(name)[chosen[1]][chosen[2]] + changes[event.key])) / 10);
    } else if (event.key === "Enter") {
      field.focus();
      field.select();
    } else {
      return;
    }
    event.preventDefault();
  }

  const group = (...names) => element("div", { class: "matrices" }, ...names.map((n) => boxes[n].box));
  const root = element(
    "div", { class: "course-figure by-hand", role: "group", "aria-label": model.get("alt") },
    element("div", { class: "figure-panel" },
      element("div", { class: "figure-inputs" }, example.row, way.row, formula.row, width.row,
        element("label", {}, mask, "Mask later tokens")),
      element("div", { class: "figure-inputs" }, token.row,
        element("label", {}, fieldName, field)),
      element("div", { class: "figure-buttons" }, back, next, place)),
    element("div", { class: "figure-panel words" }, status),
    element("div", { class: "steps" },
      group("x", "w_q", "w_k", "w_v"), group("q", "k", "v"), group(...SQUARES), group("z"),
      element("p", { class: "figure-key" },
        "Choose a number of X or of a W with a click or the arrow keys; type a new one into the " +
          "field (Enter), or press + or −. A click on another matrix chooses the output whose " +
          "numbers are framed.")),
  );

  const label = (name, [r, c], now) => (name === "x" ?
    `X, ${now.tokens[r]}, number ${c + 1}` : `W${{ w_q: "Q", w_k: "K", w_v: "V" }[name]}, row ${r + 1}, column ${c + 1}`);

  function drawMatrix(name, matrix, now, found) {
    const { svg, title, box } = boxes[name], hidden = SINCE[name] > now.step;
    box.classList.toggle("later", hidden);
    box.classList.toggle("current", SINCE[name] === now.step);
    const text = titles(now)[name];
    if (!matrix) {
      title.replaceChildren(...math(`${text}, not defined`));
      svg.replaceChildren();
      svg.setAttribute("viewBox", "0 0 149 143");
      svg.setAttribute("aria-label", `${text} is not defined`);
      return;
    }
    const rows = matrix.length, columns = matrix[0].length;
    title.replaceChildren(...math(`${text},`), element("span", {}, ` ${rows} × ${columns}`));
    const square = SQUARES.includes(name), weight = name.startsWith("w_");
    const printed = now.formula === "as printed";
    const down = now.columns && !(square && printed); // the chosen token is a column
    const left = !weight && (square || !down) ? SIDE : 2, top = !weight && (square || down) ? HEAD : 2;
    const [wide, high] = [left + columns * CELL_WIDTH + 3, top + rows * CELL_HEIGHT + 3];
    svg.setAttribute("viewBox", `0 0 ${wide} ${high}`);
    box.style.flexBasis = `${SMALLEST * wide}px`;
    box.style.maxWidth = `${wide}px`;
    const x = (c) => left + c * CELL_WIDTH, y = (r) => top + r * CELL_HEIGHT;
    const [w, tr, tc] = chosen, [cr, cc] = kept(w, now) ? [tc, tr] : [tr, tc];
    const write = EDITABLE.includes(name) ? short : fixed;
    const cells = matrix.flatMap((row, r) => row.map((value, c) => element(
      "g", { class: `cell${name === "w_v" && r >= now.d_v ? " unused" : ""}`, "data-row": r,
        "data-column": c },
      element("rect", { x: x(c), y: y(r), width: CELL_WIDTH, height: CELL_HEIGHT,
        ...(name === "weights" && !hidden ? { style: `--share: ${value}`, class: "share" } : {}) }),
      element("text", { x: x(c + 0.5), y: y(r) + 16.5, "text-anchor": "middle" },
        hidden ? "" : write(value)))));
    const heads = [];
    if (top === HEAD) {
      heads.push(...now.tokens.map((t, c) => element(
        "text", { x: x(c + 0.5), y: top - 6, "text-anchor": "middle", class: "token" }, t)));
    }
    if (left === SIDE) {
      heads.push(...now.tokens.map((t, r) => element(
        "text", { x: left - 5, y: y(r) + 16.5, "text-anchor": "end", class: "token" }, t)));
    }
    const marks = [];
    const band = (i, column, kind) => marks.push(element("rect", { class: kind,
      ...(column ? { x: x(i), y: y(0), width: CELL_WIDTH, height: rows * CELL_HEIGHT } :
        { x: x(0), y: y(i), width: columns * CELL_WIDTH, height: CELL_HEIGHT }) }));
    if (name === "z" && now.formula !== "right" && !hidden) {
      matrix.forEach((row, r) => row.forEach((_, c) => differs(found, r, c) && marks.push(element(
        "rect", { class: "wrong", x: x(c) + 3, y: y(r) + 3, width: CELL_WIDTH - 6,
          height: CELL_HEIGHT - 6 }))));
    }
    const turned = name === "weights" && now.formula === "sum over queries" && now.step === 5;
    if (!weight && !hidden) band(now.token, turned ? !down : down, "own");
    if (w === name) {
      marks.push(element("rect", { class: "edited", x: x(cc) + 1.5, y: y(cr) + 1.5,
        width: CELL_WIDTH - 3, height: CELL_HEIGHT - 3 }));
    }
    svg.replaceChildren(...heads, ...cells, ...marks);
    svg.setAttribute("aria-label", w === name ?
      `${label(name, [tr, tc], now)}: ${short(model.get(name)[tr][tc])}` :
      `${text.replaceAll("_", "")}, ${rows} by ${columns}` + (hidden ?
        ", not yet computed" : `: ${matrix.map((row) => row.map(write).join(" ")).join("; ")}`));
  }

  function update() {
    const now = state(), found = attention(now), same = known(now);
    edited.hidden = true;
    example.select.value = same ?? (contents(given) === contents(now) ? "" : "-");
    way.select.value = now.columns ? "columns" : "rows";
    formula.select.value = now.formula;
    width.select.value = now.d_v;
    token.select.value = now.token;
    [...token.select.options].forEach((o, i) => { o.textContent = `${i + 1}: ${now.tokens[i]}`; });
    mask.checked = now.mask;
    back.disabled = now.step === 0;
    next.disabled = now.step === 5;
    place.textContent = now.step ? `Step ${now.step} of 5: ${STEPS[now.step]}` : STEPS[0];
    const [name, r, c] = chosen;
    fieldName.textContent = label(name, [r, c], now);
    field.value = model.get(name)[r][c];
    for (const one of Object.keys(SINCE)) drawMatrix(one, found[one] ?? (one === "z" ? null : now[one]),
      now, found);
    status.replaceChildren(
      element("p", { class: "formula" }, ...math(summary(now))),
      ...(now.step || !same ? [] : [element("p", {}, examples[same].note)]),
      ...explain(now, found).map((text) => element("p", {}, ...math(text))));
  }

  return live(el, root, model, NAMES, update);
}

export default { render };
