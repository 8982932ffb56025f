// The attention of a trained model, head by head. figure.js stands before this file.

/** The weights as [layer][head][query][key], and the bytes they came in. */
export function decode({ layers, heads, causal, bytes }, count) {
  const carried = Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0));
  let next = 0;
  const levels = Array.from({ length: layers }, () => Array.from({ length: heads }, () =>
    Array.from({ length: count }, (_, i) => Array.from({ length: count }, (_, j) =>
      (causal && j > i ? 0 : carried[next++])))));
  const share = (row) => {
    const total = row.reduce((sum, level) => sum + level * level, 0);
    return row.map((level) => (level * level) / total);
  };
  return { levels, weights: levels.map((layer) => layer.map((head) => head.map(share))) };
}

const mean = (values) => values.reduce((sum, x) => sum + x, 0) / values.length;

/** How undecided a row of weights is, in nats: e to this power is as many tokens alike. */
export const entropy = (row) => -row.reduce((sum, w) => sum + (w ? w * Math.log(w) : 0), 0);

/** For each query, the keys that follow an earlier token that is the same as the query. */
export const afterTheSame = (tokens) => tokens.map((token, i) =>
  tokens.flatMap((_, j) => (j && j <= i && tokens[j - 1] === token ? [j] : [])));

/** A head's numbers: means over all queries but the first. attention_maps.py has the same. */
export function statistics(map, tokens) {
  const own = map.slice(1), after = afterTheSame(tokens);
  const repeats = map.flatMap((row, i) =>
    (after[i].length ? [after[i].reduce((sum, j) => sum + row[j], 0)] : []));
  return {
    previous: mean(own.map((row, i) => row[i])),
    itself: mean(own.map((row, i) => row[i + 1])),
    first: mean(own.map((row) => row[0])),
    repeat: repeats.length ? mean(repeats) : NaN,
    entropy: mean(own.map(entropy)),
  };
}

/** The same numbers of a head that looks at all it may see alike. */
export function alike(tokens, causal) {
  const n = tokens.length;
  return statistics(tokens.map((_, i) => tokens.map((_, j) =>
    (causal ? (j <= i) / (i + 1) : 1 / n))), tokens);
}

const sign = (token) => token.replaceAll(" ", "␣").replaceAll("\n", "↵") || "∅";
const percent = (share) => (Number.isNaN(share) ? "none" : `${Math.round(100 * share)} %`);
const show = (name, value) => (name === "entropy" ? value.toFixed(2) : percent(value));

/** The keys with the largest weights, at most three of 5 % or more, the largest first. */
export function mostSeen(row) {
  const order = row.map((_, j) => j).sort((a, b) => row[b] - row[a] || a - b);
  return order.filter((j, place) => place === 0 || (place < 3 && row[j] >= 0.05));
}

/** Where a key stands, seen from the query. */
function where(key, query) {
  if (key === query) return "itself";
  return `${Math.abs(query - key)} ${key < query ? "before" : "after"}`;
}

// Between the blues of the light and of the dark theme; a canvas does not follow a theme.
const BLUE = [43, 143, 208];

/** Put the square roots of the weights on a canvas, a pixel each. */
function paint(canvas, levels) {
  canvas.width = canvas.height = levels.length;
  const context = canvas.getContext("2d"), image = context.createImageData(levels.length, levels.length);
  levels.flat().forEach((level, i) => image.data.set([...BLUE, level], 4 * i));
  context.putImageData(image, 0, 0);
  return canvas;
}

function render({ model, el }) {
  const NAMES = ["layer", "head", "query", "statistic"];
  const state = () => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
  const set = setter(model);
  const tokens = model.get("tokens"), n = tokens.length, maps = model.get("maps");
  const { causal, layers, heads } = maps, named = model.get("statistics_names");
  const { levels, weights } = decode(maps, n);
  const found = weights.map((layer) => layer.map((map) => statistics(map, tokens)));
  const chance = alike(tokens, causal);
  const numbers = (count) => Array.from({ length: count }, (_, i) => [i, String(i + 1)]);

  const layer = choice("Layer", numbers(layers), (value) => set({ layer: Number(value) }));
  const head = choice("Head", numbers(heads), (value) => set({ head: Number(value) }));
  const statistic = choice("Below the maps", named.map(([name, words]) =>
    [name, name === "entropy" ? words : `share on ${words}`]), (value) => set({ statistic: value }));

  const within = (i, count) => Math.max(0, Math.min(count - 1, i));
  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const application = (tag, name, kind, keys) => {
    const made = element(tag, { class: name, tabindex: 0, role: "application",
      "aria-roledescription": kind });
    made.addEventListener("keydown", (event) => {
      const change = keys(event.key);
      if (!change) return;
      set(change);
      event.preventDefault();
    });
    return made;
  };
  const headKeys = (key) => moves[key] && {
    layer: within(model.get("layer") + moves[key][0], layers),
    head: within(model.get("head") + moves[key][1], heads),
  };
  const queryKeys = (key) => {
    const now = model.get("query"), to = { Home: 0, End: n - 1 };
    if (key in moves) return { query: within(now + moves[key][0] + moves[key][1], n) };
    return key in to ? { query: to[key] } : null;
  };

  // The small maps are painted once; what changes is which one is framed, and the numbers.
  const grid = application("div", "heads", "heads of the model", headKeys);
  grid.style.setProperty("--heads", heads);
  const thumbs = levels.map((inLayer, l) => inLayer.map((map, h) => {
    const value = element("span", {});
    const box = element("div", { class: "head" }, paint(element("canvas", {}), map), value);
    box.addEventListener("click", () => set({ layer: l, head: h }));
    return { box, value };
  }));
  grid.append(...thumbs.flatMap((inLayer, l) => [
    element("span", { class: "layer-name" }, String(l + 1)), ...inLayer.map(({ box }) => box)]));

  const canvas = element("canvas", {}), band = element("div", { class: "band" });
  const map = application("div", "map", "attention map", queryKeys);
  map.append(canvas, band);
  map.addEventListener("click", (event) => {
    const area = map.getBoundingClientRect();
    set({ query: within(Math.floor((n * (event.clientY - area.top)) / area.height), n) });
  });
  band.style.height = `${100 / n}%`;

  const text = application("div", "tokens", "text", queryKeys);
  const marks = tokens.map((token, i) => {
    const value = element("small", {});
    const box = element("span", { class: "token" }, element("b", {}, sign(token)), value);
    box.addEventListener("click", () => set({ query: i }));
    if (token.includes("\n")) text.append(box, element("span", { class: "line-end" }));
    else text.append(box);
    return { box, value };
  });

  const heading = element("p", { class: "formula" });
  const status = element("div", { class: "figure-status", "aria-live": "polite" });
  const root = element(
    "div",
    { class: "course-figure attention-maps", role: "group", "aria-label": model.get("alt") },
    element("div", { class: "figure-panel" },
      element("div", { class: "figure-inputs" }, layer.row, head.row, statistic.row), grid),
    element("div", { class: "figure-panel large" }, heading,
      element("p", { class: "axis" }, "key → (columns), query ↓ (rows)"), map),
    element("div", { class: "words" }, text, status,
      element("p", { class: "figure-key" },
        "Small maps: a row for each layer, a column for each head; choose one with a click or the " +
          "arrow keys. Choose the framed query in the text or in the large map, by the same ways. " +
          "Shades go with the square root of the weight; numbers over the text are percent.")),
  );

  function update() {
    const now = state(), row = weights[now.layer][now.head][now.query];
    const own = found[now.layer][now.head], name = sign(tokens[now.query]);
    layer.select.value = now.layer;
    head.select.value = now.head;
    statistic.select.value = now.statistic;
    thumbs.forEach((inLayer, l) => inLayer.forEach(({ box, value }, h) => {
      box.classList.toggle("chosen", l === now.layer && h === now.head);
      value.textContent = show(now.statistic, found[l][h][now.statistic]);
    }));
    const words = statistic.select.selectedOptions[0].textContent;
    grid.setAttribute("aria-label", `Layer ${now.layer + 1}, head ${now.head + 1}: ${words} ${
      show(now.statistic, own[now.statistic])}`);
    heading.textContent = `Layer ${now.layer + 1}, head ${now.head + 1}`;
    paint(canvas, levels[now.layer][now.head]);
    band.style.top = `${(100 * now.query) / n}%`;

    marks.forEach(({ box, value }, j) => {
      box.style.setProperty("--share", row[j]);
      box.classList.toggle("query", j === now.query);
      const rounded = Math.round(100 * row[j]);
      value.textContent = rounded ? String(rounded) : "\u00a0";
    });
    const seen = mostSeen(row).map((j) =>
      `“${sign(tokens[j])}” ${percent(row[j])} (${where(j, now.query)})`).join(", ");
    const sees = `Token ${now.query + 1}, “${name}”, looks most at ${seen}`;
    for (const one of [map, text]) one.setAttribute("aria-label", sees);
    const nats = entropy(row);
    status.replaceChildren(
      element("p", {}, `${sees}.`),
      element("p", {}, `Its entropy is ${nats.toFixed(2)} nats, that of ${
        number(Number(Math.exp(nats).toPrecision(2)))} tokens alike.`),
      element("p", {}, "The head on average: " + named.map(([one, words]) => {
        const value = show(one, own[one]);
        return `${one === "entropy" ? `entropy ${value} nats` : `${value} on ${words}`} (${
          show(one, chance[one])})`;
      }).join(", ") + `. In parentheses: a head that looks at all${causal ? " it may see" : ""} alike.`));
  }

  return live(el, root, model, NAMES, update);
}

export default { render };
