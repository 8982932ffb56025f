// An explorer of discovered clusters. figure.js and descent.js stand before this file.

const MOST_SHOWN = 60, SHUFFLES = 20;
const sum = (values) => values.reduce((total, x) => total + x, 0);
const most = (counts) => counts.indexOf(Math.max(...counts));

/** How many pictures are in each cluster (row) and class (column). */
export function contingency(clusters, labels, [k, m]) {
  const table = Array.from({ length: k }, () => Array(m).fill(0));
  clusters.forEach((cluster, i) => { table[cluster][labels[i]]++; });
  return table;
}

/** Normalized mutual information and purity. cluster_explorer.py has the same, with formulas. */
export function agreement(table) {
  const n = sum(table.map(sum));
  const rows = table.map(sum), columns = table[0].map((_, c) => sum(table.map((row) => row[c])));
  const entropy = (counts) => -sum(counts.map((count) => (count ? (count / n) * Math.log(count / n) : 0)));
  const information = sum(table.flatMap((row, r) => row.map((count, c) =>
    (count ? (count / n) * Math.log((n * count) / (rows[r] * columns[c])) : 0))));
  const both = entropy(rows) + entropy(columns);
  return {
    nmi: both ? (2 * information) / both : 1,
    purity: sum(table.map((row) => Math.max(...row))) / n,
  };
}

/** The mean agreement of the same clusters with shuffled labels: what chance gives. */
export function shuffled(clusters, labels, shape) {
  const random = uniform(1);
  const mixed = [...labels];
  const found = Array.from({ length: SHUFFLES }, () => {
    for (let i = mixed.length - 1; i > 0; i--) {
      const j = Math.floor((i + 1) * random());
      [mixed[i], mixed[j]] = [mixed[j], mixed[i]];
    }
    return agreement(contingency(clusters, mixed, shape));
  });
  const mean = (name) => sum(found.map((one) => one[name])) / SHUFFLES;
  return { nmi: mean("nmi"), purity: mean("purity") };
}

/** Clusters as the table's rows: by their most frequent class in the last assignment. */
export function order(table) {
  const first = table.map((row) => (sum(row) ? most(row) : row.length));
  return table.map((_, c) => c).sort((a, b) =>
    first[a] - first[b] || Math.max(...table[b]) - Math.max(...table[a]) || a - b);
}

/** The chosen pictures: the cluster's most frequent class first, at most so many, evenly thinned. */
export function members({ clusters, labels, names, epoch, cluster, label }, limit = MOST_SHOWN) {
  const own = labels.map((_, i) => i).filter((i) =>
    clusters[epoch][i] === cluster && (label < 0 || labels[i] === label));
  const first = most(names.map((_, c) => own.filter((i) => labels[i] === c).length));
  const rank = (i) => (labels[i] === first ? -1 : labels[i]);
  own.sort((a, b) => rank(a) - rank(b) || a - b);
  if (own.length <= limit) return own;
  return Array.from({ length: limit }, (_, i) => own[Math.floor((i * own.length) / limit)]);
}

const CELL_WIDTH = 27, CELL_HEIGHT = 20, TABLE_LEFT = 62, TABLE_TOP = 40, ROW = 20;
const two = (value) => value.toFixed(2);
const plural = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

function render({ model, el }) {
  const NAMES = ["clusters", "labels", "names", "epochs", "epoch", "cluster", "label"];
  const state = () => Object.fromEntries(NAMES.map((name) => [name, model.get(name)]));
  const set = setter(model);
  const { clusters, labels, names, epochs } = state();
  const shape = [1 + Math.max(...clusters.flat()), names.length];
  const tables = clusters.map((assigned) => contingency(assigned, labels, shape));
  const found = tables.map(agreement);
  const chance = clusters.map((assigned) => shuffled(assigned, labels, shape));
  const rows = order(tables.at(-1));

  const moment = slider("Epoch", { min: 0, max: epochs.length - 1, step: 1 }, (epoch) =>
    set({ epoch }));
  const cluster = element("select", {},
    ...rows.map((c) => element("option", { value: c }, String(c))));
  cluster.addEventListener("change", () => set({ cluster: Number(cluster.value), label: -1 }));

  const table = element("svg", { class: "counts", tabindex: 0, role: "application",
    "aria-roledescription": "table of clusters and classes" });
  const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  table.addEventListener("keydown", (event) => {
    if (!(event.key in moves)) return;
    const [dy, dx] = moves[event.key], within = (i, low, high) => Math.max(low, Math.min(high, i));
    const row = within(rows.indexOf(model.get("cluster")) + dy, 0, rows.length - 1);
    set({ cluster: rows[row], label: within(model.get("label") + dx, -1, names.length - 1) });
    event.preventDefault();
  });
  table.addEventListener("click", (event) => {
    const place = event.target.closest?.("[data-cluster]")?.dataset;
    if (place) set({ cluster: Number(place.cluster), label: Number(place.label) });
  });

  const bars = element("svg", { class: "bars", role: "img" });
  const mosaic = element("div", { class: "mosaic", role: "img" });
  const heading = element("p", { class: "formula", "aria-live": "polite" });
  const caption = element("p", { class: "which" });
  const plot = frame("Agreement with the true classes", 110, "epoch");
  const status = element("div", { class: "figure-status", "aria-live": "polite" });
  const several = epochs.length > 1;
  const root = element(
    "div",
    { class: "course-figure descent clusters", role: "group", "aria-label": model.get("alt") },
    element(
      "div", { class: "layout" },
      element("div", { class: "controls" },
        ...(several ? [moment.row] : []),
        element("div", { class: "figure-inputs" }, element("label", {}, "Cluster", cluster)),
        status),
      element("div", { class: "plots" }, table, ...(several ? [plot.svg] : [])),
      element("div", { class: "words" }, heading, bars, caption, mosaic,
        element("p", { class: "figure-key" },
          "Click on a row's name or on a number in the table, or use the arrow keys in it. " +
            "Rows are in the order of the last assignment's most frequent classes. Dashed " +
            "frames: pictures that are not of the cluster's most frequent class." +
            (several ? " Dotted lines: NMI and purity with shuffled labels." : ""))),
    ),
  );
  const { png, columns, rows: lines } = model.get("sprite");
  mosaic.style.setProperty("--sheet", `url("data:image/png;base64,${png}")`);

  /** A picture, cut out of the sheet by its place in percent. */
  function tile(i, strange) {
    const share = (place, count) => (count > 1 ? (100 * place) / (count - 1) : 0);
    const made = element("span", { class: `tile${strange ? " strange" : ""}`, "data-image": i });
    made.style.backgroundSize = `${100 * columns}% ${100 * lines}%`;
    made.style.backgroundPosition =
      `${share(i % columns, columns)}% ${share(Math.floor(i / columns), lines)}%`;
    return made;
  }

  function drawTable(now) {
    const counts = tables[now.epoch], total = TABLE_LEFT + names.length * CELL_WIDTH;
    const long = Math.max(...names.map((name) => name.length)) > 3;
    const top = TABLE_TOP + (long ? 40 : 0);
    const y = (r) => top + r * CELL_HEIGHT, x = (c) => TABLE_LEFT + c * CELL_WIDTH;
    table.setAttribute("viewBox", `0 0 ${total + 44} ${y(rows.length) + 4}`);
    table.style.maxWidth = `${1.35 * (total + 44)}px`;
    const text = (left, base, content, more = {}) =>
      element("text", { x: left, y: base, ...more }, content);
    const head = names.map((name, c) => {
      const [left, base] = [x(c + 0.5), top - 6];
      return long ?
        text(left + 4, base, name, { transform: `rotate(-60 ${left + 4} ${base})` }) :
        text(left, base, name, { "text-anchor": "middle" });
    });
    const cells = rows.flatMap((k, r) => {
      const size = sum(counts[k]), first = most(counts[k]);
      const row = counts[k].map((count, c) => element(
        "g", { class: `cell${count && c === first ? " most" : ""}`,
          "data-cluster": k, "data-label": c },
        element("rect", { x: x(c), y: y(r), width: CELL_WIDTH, height: CELL_HEIGHT,
          style: `--share: ${size ? count / size : 0}` }),
        text(x(c + 0.5), y(r) + 15, count ? String(count) : "·", { "text-anchor": "middle" })));
      const end = (left, content, name) => element(
        "g", { class: `cell ${name}`, "data-cluster": k, "data-label": -1 },
        element("rect", { x: left, y: y(r), width: name === "whole" ? TABLE_LEFT - 2 : 40,
          height: CELL_HEIGHT }),
        text(left + (name === "whole" ? TABLE_LEFT - 8 : 36), y(r) + 15, content,
          { "text-anchor": "end" }));
      return [end(0, String(k), "whole"), ...row, end(total, String(size), "total")];
    });
    const place = rows.indexOf(now.cluster), whole = now.label < 0;
    table.replaceChildren(
      text(TABLE_LEFT - 8, top - 6, "cluster", { "text-anchor": "end" }),
      text(x(names.length / 2), 14, "true class", { "text-anchor": "middle", class: "name" }),
      text(total + 36, top - 6, "all", { "text-anchor": "end" }),
      ...head, ...cells,
      element("rect", { class: "selection", x: whole ? 2 : x(now.label), y: y(place),
        width: whole ? total + 38 : CELL_WIDTH, height: CELL_HEIGHT }),
    );
  }

  function drawBars(now) {
    const counts = tables[now.epoch][now.cluster], size = sum(counts), high = Math.max(...counts, 1);
    const left = Math.min(90, 14 + 7 * Math.max(...names.map((name) => name.length)));
    const width = 340 - left - 84;
    bars.setAttribute("viewBox", `0 0 340 ${names.length * ROW}`);
    bars.replaceChildren(...counts.flatMap((count, c) => {
      const chosen = now.label === c ? " chosen" : "";
      return [
        element("text", { x: left - 6, y: c * ROW + 15, "text-anchor": "end",
          class: `bar-name${chosen}` }, names[c]),
        element("rect", { class: `bar${chosen}`, x: left, y: c * ROW + 3,
          width: (width * count) / high, height: ROW - 6 }),
        element("text", { x: left + (width * count) / high + 6, y: c * ROW + 15 },
          count ? `${count} (${Math.round((100 * count) / size)} %)` : "0"),
      ];
    }));
    bars.setAttribute("aria-label", `Pictures by true class: ${
      names.flatMap((name, c) => (counts[c] ? [`${name} ${counts[c]}`] : [])).join(", ") || "none"}.`);
  }

  function drawPictures(now) {
    const counts = tables[now.epoch][now.cluster], first = most(counts);
    const size = now.label < 0 ? sum(counts) : counts[now.label];
    const shown = members(now);
    mosaic.replaceChildren(...shown.map((i) => tile(i, labels[i] !== first)));
    const which = now.label < 0 ? "" : ` of class ${names[now.label]}`;
    caption.textContent = size > shown.length ?
      `${shown.length} of the ${size} pictures${which}, evenly chosen:` :
      size ? `${size === 1 ? "The picture" : `The ${size} pictures`}${which}:` :
        `No picture${which}.`;
    mosaic.setAttribute("aria-label", `${plural(shown.length, "picture")}${which} in cluster ${
      now.cluster}.`);
  }

  function drawPlot(now) {
    const [start, end] = [epochs[0], epochs.at(-1)], margin = 0.03 * (end - start);
    const step = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((s) => (end - start) / s <= 8) ?? 1000;
    const xTicks = [];
    for (let e = Math.ceil(start / step) * step; e <= end; e += step) xTicks.push([e, number(e)]);
    plot.limits([start - margin, end + margin], [-0.02, 1.05], xTicks,
      [0, 0.5, 1].map((y) => [y, String(y)]));
    const way = (values) => line(values.map((v, i) => [plot.across(epochs[i]), plot.up(v)]));
    const at = plot.across(epochs[now.epoch]);
    const curves = ["nmi", "purity"].flatMap((name) => [
      element("path", { class: `curve chance ${name}`, d: way(chance.map((one) => one[name])) }),
      element("path", { class: `curve ${name}`, d: way(found.map((one) => one[name])) }),
    ]);
    const { nmi, purity } = found[now.epoch], last = found.at(-1);
    // The upper curve's name stands above its end, the lower one's below.
    const name = (text, value, above) => element("text", { x: INNER - 12, "text-anchor": "end",
      y: Math.max(13, plot.up(value) + (above ? -9 : 20)) }, text);
    plot.inside.replaceChildren(
      element("line", { class: "moment", x1: at, x2: at, y1: 0, y2: plot.height }),
      ...curves,
      element("circle", { class: "mark nmi", cx: at, cy: plot.up(nmi), r: 5 }),
      element("rect", { class: "mark purity", x: at - 4.5, y: plot.up(purity) - 4.5, width: 9,
        height: 9 }),
      name("NMI", last.nmi, last.nmi > last.purity),
      name("purity", last.purity, last.nmi <= last.purity),
    );
    plot.svg.setAttribute("aria-label", `NMI went from ${two(found[0].nmi)} to ` +
      `${two(found.at(-1).nmi)}, purity from ${two(found[0].purity)} to ${two(found.at(-1).purity)}.`);
  }

  function update() {
    const now = state(), counts = tables[now.epoch][now.cluster], size = sum(counts);
    const { nmi, purity } = found[now.epoch];
    if (several) {
      moment.show(now.epoch, number(epochs[now.epoch]));
      drawPlot(now);
    }
    for (const option of cluster.options) {
      option.textContent = `${option.value} (${sum(tables[now.epoch][option.value])})`;
    }
    cluster.value = now.cluster;
    drawTable(now);
    drawBars(now);
    drawPictures(now);
    heading.textContent = `Cluster ${now.cluster}: ${plural(size, "picture")}` +
      (size ? `, purity ${two(Math.max(...counts) / size)}` : "");
    table.setAttribute("aria-label", `Cluster ${now.cluster}` + (now.label < 0 ?
      `, all classes: ${plural(size, "picture")}.` :
      `, class ${names[now.label]}: ${plural(counts[now.label], "picture")}.`));
    const used = tables[now.epoch].filter((row) => sum(row)).length;
    const { nmi: by, purity: luck } = chance[now.epoch];
    status.replaceChildren(
      element("p", { class: "formula" }, `NMI ${two(nmi)}, purity ${two(purity)}`),
      element("p", {}, `${used} of ${plural(shape[0], "cluster")} ${used === 1 ? "holds" : "hold"} ` +
        `pictures. With shuffled labels, the same clusters have NMI ${two(by)} and purity ${two(luck)}.`));
  }

  return live(el, root, model, NAMES, update);
}

export default { render };
