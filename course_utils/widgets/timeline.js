// A timeline that one walks along. figure.js stands before this file.

const WIDTH = 640, LEFT = 12, RIGHT = 12, LANE = 46, TOP = 14;

/** Nudge marks of one lane apart so that each can be seen and touched. */
export function places(years, from, to, width, apart) {
  const at = (year) => (width * (year - from)) / (to - from);
  const found = [];
  for (const year of years) {
    found.push(Math.max(at(year), found.length ? found.at(-1) + apart : -Infinity));
  }
  // What was pushed beyond the end comes back, and pushes the others.
  for (let i = found.length - 1, limit = width; i >= 0; i--, limit = found[i + 1] - apart) {
    found[i] = Math.min(found[i], limit);
  }
  return found;
}

function render({ model, el }) {
  const events = model.get("events").map(([year, lane, title, text]) => ({ year, lane, title, text }));
  const lanes = [...new Set(events.map((e) => e.lane))];
  const from = Math.floor(events[0].year / 10) * 10, to = Math.ceil((events.at(-1).year + 1) / 10) * 10;
  const inner = WIDTH - LEFT - RIGHT;
  const across = (year) => LEFT + (inner * (year - from)) / (to - from);
  const foot = TOP + LANE * lanes.length;
  for (const lane of lanes) {
    const own = events.filter((e) => e.lane === lane);
    const xs = places(own.map((e) => e.year), from, to, inner, 15);
    own.forEach((e, i) => { e.x = LEFT + xs[i]; });
  }
  const choose = (index) => {
    model.set("chosen", Math.max(0, Math.min(events.length - 1, index)));
    model.save_changes();
  };

  const marks = events.map((event, index) => {
    const y = TOP + LANE * lanes.indexOf(event.lane) + 30;
    const made = element(
      "g", { class: "mark" },
      element("rect", { class: "reach", x: event.x - 12, y: y - 16, width: 24, height: 30 }),
      element("circle", { cx: event.x, cy: y, r: 6 }),
    );
    made.addEventListener("click", () => choose(index));
    return made;
  });
  const decades = Array.from({ length: (to - from) / 10 + 1 }, (_, i) => from + 10 * i);
  const svg = element(
    "svg", { viewBox: `0 0 ${WIDTH} ${foot + 26}`, role: "img" },
    ...decades.map((year) => element("line", { class: "grid", x1: across(year), x2: across(year),
      y1: TOP, y2: foot })),
    ...lanes.map((lane, i) => element("text", { class: "lane", x: LEFT, y: TOP + LANE * i + 14 }, lane)),
    ...decades.map((year, i) => element("text", { x: across(year), y: foot + 20,
      "text-anchor": i ? (year === to ? "end" : "middle") : "start" }, String(year))),
    ...marks,
  );
  const slider = element("input", { type: "range", min: 0, max: events.length - 1, step: 1 });
  slider.addEventListener("input", () => choose(slider.valueAsNumber));
  const move = (by) => () => choose(model.get("chosen") + by);
  const [earlier, later] = [button("Earlier", move(-1)), button("Later", move(1))];
  const status = element("div", { class: "figure-status", "aria-live": "polite" });
  const root = element(
    "div", { class: "course-figure timeline", role: "group", "aria-label": model.get("alt") },
    svg,
    element("div", { class: "figure-buttons" },
      earlier, later, element("label", { class: "slider" }, "Event", slider)),
    status,
  );

  function update() {
    const index = model.get("chosen"), { year, lane, title, text } = events[index];
    marks.forEach((m, i) => m.classList.toggle("chosen", i === index));
    slider.value = index;
    slider.setAttribute("aria-valuetext", `${year}: ${title}`);
    earlier.disabled = index === 0;
    later.disabled = index === events.length - 1;
    svg.setAttribute("aria-label", `${events.length} events from ${from} to ${to}; chosen: ${title}.`);
    status.replaceChildren(
      element("p", { class: "formula" }, `${year}: ${title}`),
      element("p", {}, text),
      element("p", { class: "figure-key" }, `${lane}, ${index + 1} of ${events.length}`),
    );
  }

  return live(el, root, model, ["chosen"], update);
}

export default { render };
