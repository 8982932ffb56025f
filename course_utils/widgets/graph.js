// A computation graph that one steps through. Values and gradients are computed here, by the same
// two rules that the chapter derives: a node from its inputs, a gradient from the one it feeds.
// figure.js stands before this file in the module.

const OPERATIONS = {
  add: {
    value: (a, b) => a + b,
    local: [() => 1, () => 1],
    show: (a, b) => `${a} + ${b}`,
    why: () => "A sum hands the gradient on unchanged.",
  },
  sub: {
    value: (a, b) => a - b,
    local: [() => 1, () => -1],
    show: (a, b) => `${a} − ${b}`,
    why: (position) =>
      position ? "What is subtracted gets the gradient with its sign turned." :
      "The first term of a difference gets the gradient unchanged.",
  },
  mul: {
    value: (a, b) => a * b,
    local: [(a, b) => b, (a) => a],
    show: (a, b) => `${a} · ${b}`,
    why: (position, names) =>
      `In a product the local derivative is the other factor, here ${names[1 - position]}.`,
  },
  scale: {
    value: (a, factor) => factor * a,
    local: [(a, factor) => factor],
    show: (a, factor) => `${factor} · ${a}`,
    why: () => "A constant factor is its own local derivative.",
  },
  square: {
    value: (a) => a * a,
    local: [(a) => 2 * a],
    show: (a) => `${a}²`,
    why: (_, names) => `The derivative of ${names[0]}² is 2${names[0]}.`,
  },
  relu: {
    value: (a) => Math.max(0, a),
    local: [(a) => (a > 0 ? 1 : 0)],
    show: (a) => `ReLU(${a})`,
    why: (_, names, inputs) =>
      inputs[0] > 0 ? `${names[0]} is positive, so ReLU lets the gradient through.` :
      `${names[0]} is not positive, so ReLU stops the gradient here.`,
  },
  tanh: {
    value: (a) => Math.tanh(a),
    local: [(a) => 1 - Math.tanh(a) ** 2],
    show: (a) => `tanh(${a})`,
    why: () => "The derivative of tanh is 1 − tanh².",
  },
};

const isName = (input) => typeof input === "string";

/** One step per operation, one for the output's own gradient, one per edge on the way back. */
export function plan(operations) {
  const forward = operations.map((_, at) => ({ kind: "forward", at }));
  const backward = operations.flatMap((operation, at) =>
    operation.slice(2).filter(isName).map((_, position) => ({ kind: "backward", at, position })),
  );
  // Later operations first, so that a gradient is complete before it is passed on.
  backward.sort((a, b) => b.at - a.at || a.position - b.position);
  return [...forward, { kind: "seed", at: operations.length - 1 }, ...backward];
}

/** Values and gradients after the first `count` steps; what is not reached yet is not there. */
export function run(leaves, operations, count) {
  const values = { ...leaves };
  const grads = {};
  const slopes = {};
  for (const step of plan(operations).slice(0, count)) {
    const [name, kind, ...names] = operations[step.at];
    const inputs = names.map((input) => (isName(input) ? values[input] : input));
    if (step.kind === "forward") values[name] = OPERATIONS[kind].value(...inputs);
    if (step.kind === "seed") grads[name] = 1;
    if (step.kind === "backward") {
      const slope = OPERATIONS[kind].local[step.position](...inputs);
      slopes[`${name} ${step.position}`] = slope;
      // A node on no path to the output has no gradient to hand on.
      const source = names[step.position];
      grads[source] = (grads[source] ?? 0) + (grads[name] ?? 0) * slope;
    }
  }
  return { values, grads, slopes };
}

const factor = (value) => (value < 0 ? `(${number(value)})` : number(value));

/** What the step that was just made did: a title, the formula with its numbers, the reason. */
export function explain(leaves, operations, count) {
  const steps = plan(operations);
  const output = operations.at(-1)[0];
  if (count === 0) {
    return {
      title: "Start: only the inputs have values.",
      formula: "",
      why: "Step goes forward, down to the loss, then backward, up to the inputs.",
    };
  }
  const step = steps[count - 1];
  const { values, grads, slopes } = run(leaves, operations, count);
  const [name, kind, ...names] = operations[step.at];
  const operation = OPERATIONS[kind];
  if (step.kind === "forward") {
    const inputs = names.map((input) => factor(isName(input) ? values[input] : input));
    return {
      title: `Forward: compute ${name}`,
      formula: `${name} = ${operation.show(...names)} = ${operation.show(...inputs)} = ${number(values[name])}`,
      why: "Each node needs the values of its inputs and nothing else.",
    };
  }
  if (step.kind === "seed") {
    return {
      title: "Backward: start at the output",
      formula: `∂${output}/∂${output} = 1`,
      why: "Raising the output by a little raises the output by just as much.",
    };
  }
  const source = names[step.position];
  const slope = slopes[`${name} ${step.position}`];
  const incoming = grads[name] ?? 0;
  const product = incoming * slope;
  const before = run(leaves, operations, count - 1).grads[source];
  const sum =
    before === undefined ? "" :
    ` It is added to the ${number(before)} that came along another path: ${number(grads[source])}.`;
  return {
    title: `Backward: from ${name} to ${source}`,
    formula:
      `∂${output}/∂${source} ${before === undefined ? "=" : "gets"} ∂${output}/∂${name} · ∂${name}/∂${source}` +
      ` = ${factor(incoming)} · ${factor(slope)} = ${number(product)}`,
    why: operation.why(step.position, names, names.map((input) => values[input] ?? input)) + sum,
  };
}

/** The graph's drawing; returns the SVG and a function that shows the state after `count` steps. */
function draw(model) {
  const operations = model.get("operations");
  const drawing = model.get("drawing");
  const [width, height] = drawing.node;
  const output = operations.at(-1)[0];
  const svg = element("svg", {
    viewBox: `0 0 ${drawing.width} ${drawing.height}`,
    style: `flex: 0 1 ${drawing.width}px; max-width: ${drawing.width}px`,
    role: "img",
  });

  const edges = drawing.edges.map((edge) => {
    const [x, y, anchor] = edge.label;
    const label = element("text", { x, y, "text-anchor": anchor });
    const head = element("polygon", { class: "head", points: "-9,-5 0,0 -9,5" });
    const path = element("path", { d: edge.path });
    const group = element("g", { "data-edge": `${edge.source} ${edge.name}` }, path, head, label);
    svg.append(group);
    return { ...edge, group, text: label, arrow: head };
  });

  const formulas = Object.fromEntries(
    operations.map(([name, kind, ...inputs]) => [
      name, `${name} = ${OPERATIONS[kind].show(...inputs)}`,
    ]),
  );
  const nodes = drawing.order.map((name) => {
    const [left, y] = drawing.corners[name];
    const x = left + width / 2;
    const line = (nth, kind) =>
      element("text", { x, y: y + 18 + 17 * nth, class: kind, "text-anchor": "middle" });
    const [title, value, grad] = [line(0, "name"), line(1, "value"), line(2, "grad")];
    title.textContent = formulas[name] ?? name;
    const box = element("rect", { x: left, y, width, height, rx: name in formulas ? 14 : 2 });
    const group = element("g", { "data-node": name }, box, title, value, grad);
    svg.append(group);
    return { name, group, value, grad };
  });

  const show = (count) => {
    const step = plan(operations)[count - 1];
    const { values, grads, slopes } = run(model.get("leaves"), operations, count);
    const target = step && operations[step.at][0];
    for (const { name, position, group, text, arrow, head, tail } of edges) {
      const slope = slopes[`${name} ${position}`];
      const back = slope !== undefined;
      const active =
        name === target &&
        (step.kind === "forward" || (step.kind === "backward" && step.position === position));
      group.setAttribute("class", `edge${back ? " back" : ""}${active ? " active" : ""}`);
      text.textContent = back ? `× ${number(slope)}` : "";
      const [x, y, angle] = back ? tail : head;
      arrow.setAttribute("transform", `translate(${x} ${y}) rotate(${angle})`);
    }
    const reached =
      step?.kind === "backward" ? operations[step.at].slice(2)[step.position] : target;
    for (const { name, group, value, grad } of nodes) {
      group.setAttribute("class", name === reached ? "node active" : "node");
      value.textContent = values[name] === undefined ? "" : number(values[name]);
      grad.textContent =
        grads[name] === undefined ? "" : `∂${output}/∂${name} = ${number(grads[name])}`;
    }
    const words = nodes.map(({ name, value, grad }) =>
      [`${name}: ${value.textContent || "not computed yet"}`, grad.textContent]
        .filter(Boolean).join(", "),
    );
    svg.setAttribute("aria-label", `Graph. ${words.join("; ")}.`);
  };
  return { svg, show };
}

function render({ model, el }) {
  const operations = model.get("operations");
  const last = plan(operations).length;
  let count = 0;

  const root = element("div", {
    class: "course-figure cgraph", role: "group", tabindex: "0", "aria-label": model.get("alt"),
  });
  const { svg, show } = draw(model);
  const status = element("div", { class: "figure-status cgraph-status", "aria-live": "polite" });

  const back = button("Back", () => go(count - 1));
  const forward = button("Step", () => go(count + 1));
  const reset = button("Reset", () => go(0));
  const end = button("End", () => go(last));

  const leaves = model.get("drawing").order.filter((name) => name in model.get("leaves"));
  const inputs = leaves.map((name) => {
    const value = model.get("leaves")[name];
    const input = element("input", { type: "number", step: "0.5", value });
    input.addEventListener("input", () => {
      if (!Number.isFinite(input.valueAsNumber)) return; // half typed
      model.set("leaves", { ...model.get("leaves"), [name]: input.valueAsNumber });
      model.save_changes();
    });
    return { name, input };
  });

  function update() {
    const leaves = model.get("leaves");
    const kind = plan(operations)[count - 1]?.kind ?? "start";
    root.classList.toggle("backward", kind === "seed" || kind === "backward");
    // A disabled button loses the focus, and with it the keyboard: hand it to the figure.
    const focused = el.contains(document.activeElement);
    for (const made of [back, reset]) made.disabled = count === 0;
    for (const made of [forward, end]) made.disabled = count === last;
    if (focused && document.activeElement?.disabled) root.focus({ preventScroll: true });
    const { title, formula, why } = explain(leaves, operations, count);
    status.replaceChildren(
      element("p", {}, element("strong", {}, title), ` (step ${count} of ${last})`),
      ...(formula ? [element("p", { class: "formula" }, formula)] : []),
      element("p", {}, why),
      ...(count === last ? [element("p", {}, "All gradients are there. Change an input.")] : []),
    );
    for (const { name, input } of inputs) {
      if (input.valueAsNumber !== leaves[name] && input !== document.activeElement) {
        input.value = leaves[name];
      }
    }
    show(count);
  }

  function go(target) {
    count = Math.min(last, Math.max(0, target));
    update();
  }

  root.addEventListener("keydown", (event) => {
    if (event.target.tagName === "INPUT" || event.ctrlKey || event.altKey || event.metaKey) return;
    const target = { ArrowRight: count + 1, ArrowLeft: count - 1, Home: 0, End: last }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    event.stopPropagation(); // the book's pages turn with the same arrows
    go(target);
  });

  root.append(
    element(
      "div", { class: "figure-panel" },
      element("div", { class: "figure-buttons" }, forward, back, reset, end),
      element(
        "div", { class: "figure-inputs" },
        ...inputs.map(({ name, input }) => element("label", {}, name, input)),
      ),
      status,
      element(
        "p", { class: "figure-key" },
        "Solid arrows: forward, values. Dashed arrows: backward, each with its local derivative. " +
          "Keys: ← →, Home, End.",
      ),
    ),
    svg,
  );
  el.append(root);
  update();
  model.on("change:leaves", update);
  return () => model.off("change:leaves", update);
}

export default { render };
