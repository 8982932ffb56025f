// Drawing from a trained model. figure.js, random.js and descent.js stand before this file.

const DRAWS = 20, WORDS = 12, LONGEST = 18, MOST_BARS = 12;

/** A notebook file has no −∞: null stands for it. */
const exponent = (z) => (z === null ? -Infinity : z);

/** Indices, the largest logit first; of equal ones the first. */
const ranking = (logits) => logits.map((_, i) => i)
  .sort((a, b) => exponent(logits[b]) - exponent(logits[a]) || a - b);

/** softmax(z / τ) of the k largest logits, 0 elsewhere; k = 0 is all. */
export function distribution(logits, temperature, topK) {
  const order = ranking(logits), high = exponent(logits[order[0]]);
  const kept = new Set(topK ? order.slice(0, topK) : order);
  const weights = logits.map((z, i) => (kept.has(i) ? Math.exp((exponent(z) - high) / temperature) : 0));
  const total = weights.reduce((sum, w) => sum + w, 0);
  return weights.map((w) => w / total);
}

/** Entropy in bits. */
export const entropy = (p) => p.reduce((sum, q) => (q > 0 ? sum - q * Math.log2(q) : sum), 0);

/**
 * The characters that uniform numbers draw. The likely ones come first, so that the same numbers
 * give likelier characters, never rarer ones, when the temperature falls.
 */
export function draw(logits, temperature, topK, numbers) {
  const p = distribution(logits, temperature, topK);
  const order = ranking(logits).filter((i) => p[i] > 0);
  return numbers.map((u) => {
    let sum = 0;
    return order.find((i) => (sum += p[i]) > u) ?? order.at(-1);
  });
}

/** The random numbers of a draw, or, for `which` > 0, of one of its words. */
export function numbers(seed, which, count) {
  const next = uniform(Math.imul(seed * 64 + which + 1, 0x9e3779b1));
  return Array.from({ length: count }, next);
}

/** Words from a table of logits after each character, as lists of indices; long ones are cut off. */
export function words({ table, vocabulary, boundary, temperature, top_k, seed }, count = WORDS) {
  const end = vocabulary.indexOf(boundary);
  return Array.from({ length: count }, (_, word) => {
    const made = [];
    for (const u of numbers(seed, word + 1, LONGEST)) {
      const [next] = draw(table[made.at(-1) ?? end], temperature, top_k, [u]);
      if (next === end) return { made, whole: true };
      made.push(next);
    }
    return { made, whole: false };
  });
}

const visible = (text) => [...text].map((c) => ({ " ": "␣", "\n": "↵", "\t": "⇥" })[c] ?? c).join("");
const percent = (p) => {
  const value = 100 * p;
  return value && value < 0.1 ? "<0.1\u00a0%" : `${value.toFixed(1)}\u00a0%`;
};
const shown = (value) => value.toFixed(2);

/** What temperature and top-k did. */
export function explain(state) {
  const logits = state.logits[state.chosen], count = state.vocabulary.length;
  const own = distribution(logits, 1, 0), now = distribution(logits, state.temperature, state.top_k);
  const before = entropy(own), after = entropy(now), best = ranking(logits)[0];
  const cut = state.top_k && state.top_k < count ?
    1 - own.reduce((sum, p, i) => (now[i] > 0 ? sum + p : sum), 0) : 0;
  const lines = [
    `Entropy ${shown(after)} bits, perplexity ${shown(2 ** after)}`,
    `At temperature 1, without top-k: ${shown(before)} bits (perplexity ${shown(2 ** before)}). ` +
      `All ${count} characters equally likely: ${shown(Math.log2(count))} bits (${count}).`,
  ];
  if (state.temperature === 1 && !cut) {
    lines.push(`This is the model's own distribution: ${visible(state.vocabulary[best])} has ` +
      `${percent(own[best])}.`);
  } else {
    const way = state.temperature < 1 ? "sharper" : state.temperature > 1 ? "flatter" : "";
    lines.push([
      way ? `A temperature ${way === "sharper" ? "below" : "above"} 1 makes it ${way}.` : "",
      cut ? `Top-${state.top_k} cuts off what had ${percent(cut)} and shares it out among the rest.` : "",
      `The likeliest, ${visible(state.vocabulary[best])}, goes from ${percent(own[best])} to ` +
        `${percent(now[best])}.`,
    ].filter(Boolean).join(" "));
  }
  return lines;
}

const ROW = 24, NAME = 56, BARS = 184;

function render({ model, el }) {
  const FIXED = ["logits", "vocabulary", "contexts", "table", "boundary"];
  const NAMES = ["temperature", "top_k", "chosen", "seed"];
  const state = () => Object.fromEntries([...FIXED, ...NAMES].map((name) => [name, model.get(name)]));
  const set = setter(model);
  const { vocabulary, contexts, table } = state();
  const count = vocabulary.length;
  const context = choice("The model has read",
    contexts.map((text, i) => [i, text ? `“${visible(text)}”` : "nothing"]),
    (value) => set({ chosen: Number(value) }));
  const heat = slider("Temperature τ", { min: 0.1, max: 3, step: 0.05 },
    (value) => set({ temperature: Number(value.toFixed(2)) }));
  const top = slider("Top-k", { min: 1, max: count, step: 1 },
    (value) => set({ top_k: value === count ? 0 : value }));
  const again = button("Draw again", () => set({ seed: (model.get("seed") + 1) % 2 ** 31 }));
  const reset = button("Model's own", () => set({ temperature: 1, top_k: 0 }));

  const bars = element("svg", { class: "bars", role: "img" });
  const curve = frame("Entropy against temperature", 100, "temperature τ");
  const status = element("div", { class: "figure-status", "aria-live": "polite" });
  const draws = (label) => {
    const row = element("span", { class: "characters" });
    return { row, line: element("p", { class: "drawn" }, element("b", {}, label), row) };
  };
  const own = draws(`${DRAWS} draws from the model's own distribution: `);
  const fresh = draws("With the same random numbers, now: ");
  const written = element("p", { class: "written" });
  const root = element(
    "div",
    { class: "course-figure descent sampling", role: "group", "aria-label": model.get("alt") },
    element(
      "div", { class: "layout" },
      element("div", { class: "controls" },
        element("div", { class: "figure-inputs" }, context.row),
        heat.row, top.row,
        element("div", { class: "figure-buttons" }, again, reset)),
      element("div", { class: "plots" }, bars, curve.svg),
      element("div", { class: "words" }, status, own.line, fresh.line, ...(table.length ? [written] : []),
        element("p", { class: "figure-key" },
          "Outlined bars: the model's own distribution. Full bars: what is drawn from, and how many " +
            `of the ${DRAWS} draws each got. Underlined: the same random number draws something ` +
            "else from the model's own distribution. ␣ is a space, ↵ the end of a line.")),
    ),
  );

  function drawBars(now, before, after, draws) {
    const order = ranking(now.logits[now.chosen]);
    const first = order.slice(0, count > MOST_BARS + 1 ? MOST_BARS : count);
    const rest = order.slice(first.length);
    const total = (values) => rest.reduce((sum, i) => sum + values[i], 0);
    const counts = vocabulary.map((_, i) => draws.filter((d) => d === i).length);
    const rows = first.map((i) => [visible(vocabulary[i]), before[i], after[i], counts[i]]);
    if (rest.length) rows.push([`${rest.length} more`, total(before), total(after), total(counts)]);
    const high = Math.max(...rows.flatMap(([, p, q]) => [p, q]));
    const bottom = 22 + ROW * rows.length;
    const length = (p) => (BARS * p) / high;
    bars.setAttribute("viewBox", `0 0 ${WIDTH} ${bottom + 4}`);
    const end = { "text-anchor": "end" };
    bars.replaceChildren(
      element("text", { x: NAME + 14, y: 14, class: "name" }, "Probability"),
      element("text", { x: WIDTH - 2, y: 14, ...end }, "drawn"),
      ...rows.flatMap(([name, p, q, n], row) => {
        const y = 22 + ROW * row;
        return [
          element("text", { x: NAME + 8, y: y + 16, ...end, class: "character" }, name),
          element("rect", { class: "now", "data-value": q, x: NAME + 14, y: y + 2, width: length(q),
            height: ROW - 5 }),
          element("rect", { class: "own", x: NAME + 14, y: y + 5, width: length(p), height: ROW - 11 }),
          element("text", { class: "number", x: NAME + 20 + length(Math.max(p, q)), y: y + 16 },
            percent(q)),
          element("text", { x: WIDTH - 2, y: y + 16, ...end }, String(n)),
        ];
      }),
    );
    bars.setAttribute("aria-label", `Most likely next characters: ${
      rows.slice(0, 5).map(([name, p, q]) => `${name} ${percent(q)}, was ${percent(p)}`).join("; ")}.`);
  }

  function drawCurve(now, after) {
    const logits = now.logits[now.chosen], most = Math.log2(count);
    const heats = Array.from({ length: 59 }, (_, i) => 0.1 + 0.05 * i);
    const step = [1, 2, 5].find((s) => most / s <= 5) ?? 10;
    const yTicks = Array.from({ length: Math.floor(most / step) + 1 }, (_, i) =>
      [i * step, `${i * step} bits`.replace("1 bits", "1 bit")]);
    curve.limits([0, 3.05], [-0.08 * most, 1.2 * most],
      [0, 0.5, 1, 1.5, 2, 2.5, 3].map((t) => [t, number(t)]), yTicks);
    const at = (t, k) => [curve.across(t), curve.up(entropy(distribution(logits, t, k)))];
    const [x, y] = [curve.across(now.temperature), curve.up(entropy(after))];
    curve.inside.replaceChildren(
      element("path", { class: "limit", d: line([[0, curve.up(most)], [INNER, curve.up(most)]]) }),
      element("path", { class: "curve whole", d: line(heats.map((t) => at(t, 0))) }),
      element("path", { class: "curve", d: line(heats.map((t) => at(t, now.top_k))) }),
      element("circle", { class: "point", cx: x, cy: y, r: 6 }),
      element("text", { x: 6, y: curve.up(most) - 5 }, "equally likely"),
    );
    curve.svg.setAttribute("aria-label",
      `Entropy against temperature; at ${shown(now.temperature)} it is ${shown(entropy(after))} bits.`);
  }

  function update() {
    const now = state(), logits = now.logits[now.chosen];
    context.select.value = now.chosen;
    heat.show(now.temperature, shown(now.temperature));
    top.show(now.top_k || count, now.top_k ? String(now.top_k) : `all ${count}`);
    const before = distribution(logits, 1, 0);
    const after = distribution(logits, now.temperature, now.top_k);
    const random = numbers(now.seed, 0, DRAWS);
    const draws = draw(logits, now.temperature, now.top_k, random);
    drawBars(now, before, after, draws);
    drawCurve(now, after);
    const first = draw(logits, 1, 0, random);
    const text = (i) => visible(vocabulary[i]);
    own.row.replaceChildren(...first.map((i) => element("span", {}, text(i))));
    fresh.row.replaceChildren(...draws.map((i, n) =>
      element("span", i === first[n] ? {} : { class: "changed" }, text(i))));
    if (table.length) {
      written.replaceChildren(element("b", {}, `${WORDS} words, one character after the other: `),
        words(now).map(({ made, whole }) =>
          (made.map(text).join("") || "(empty)") + (whole ? "" : "…")).join(", "));
    }
    status.replaceChildren(...explain(now).map((text, i) =>
      element("p", i ? {} : { class: "formula" }, text)));
  }

  return live(el, root, model, NAMES, update);
}

export default { render };
