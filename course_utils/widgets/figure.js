// What the interactive figures share. It is put before each figure's own file, in one module.

const SVG_TAGS = new Set([
  "svg", "g", "path", "rect", "text", "tspan", "polygon", "line", "circle", "clipPath", "defs",
]);

function element(tag, attributes = {}, ...children) {
  const svg = SVG_TAGS.has(tag);
  const node = svg ?
    document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** At most four significant digits, with a real minus sign. */
const number = (value) => {
  if (!Number.isFinite(value)) return String(value);
  return String(Number(value.toPrecision(4))).replaceAll("-", "−");
};

function button(text, action) {
  const made = element("button", { type: "button" }, text);
  made.addEventListener("click", action);
  return made;
}

/** A labelled list to choose from; options are pairs of value and text. */
function choice(label, options, onChange) {
  const select = element("select", {},
    ...options.map(([value, text]) => element("option", { value }, text)));
  select.addEventListener("change", () => onChange(select.value));
  return { select, row: element("label", {}, label, select) };
}

/** `set({ name: value, … })` changes what a figure shows, and tells Python. */
const setter = (model) => (values) => {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
};

/** Put a figure in its place and draw it again when one of the names changes; returns the end. */
function live(el, root, model, names, update) {
  // The book's pages turn with the arrows that move what is in a figure.
  root.addEventListener("keydown", (event) => event.stopPropagation());
  el.append(root);
  update();
  const changes = names.map((name) => `change:${name}`).join(" ");
  model.on(changes, update);
  return () => model.off(changes, update);
}
