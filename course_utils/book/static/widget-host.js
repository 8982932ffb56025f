// Brings a page's anywidgets to life without a kernel.
//
// The page holds the widgets' state (see extension/widgets.py). For each element
// .course-widget[data-model-id] this imports the widget's own module from that state, gives it a
// model whose changes stay in the page, and calls its render({ model, el }). If anything fails the
// static picture stays. Anywidget's contract: https://anywidget.dev/en/afm/
(() => {
  "use strict";

  const script = document.querySelector(
    'script[type="application/vnd.jupyter.widget-state+json"]',
  );
  if (!script) return;
  const page = JSON.parse(script.textContent);
  const modules = new Map(); // key of a source -> promise of its module
  const models = new Map(); // model id -> promise of { model, widget }

  class Model {
    constructor(state) {
      this.state = state;
      this.listeners = new Map();
      this.widget_manager = {
        get_model: async (id) => (await open(id.replace("IPY_MODEL_", ""))).model,
      };
    }
    get(name) {
      return this.state[name];
    }
    set(name, value) {
      const changes = typeof name === "object" ? name : { [name]: value };
      const changed = Object.keys(changes).filter((key) => this.state[key] !== changes[key]);
      Object.assign(this.state, changes);
      for (const key of changed) this.emit(`change:${key}`, this, this.state[key]);
      if (changed.length) this.emit("change", this);
    }
    emit(event, ...values) {
      for (const call of [...(this.listeners.get(event) ?? [])]) call(...values);
    }
    on(events, call) {
      for (const event of events.split(/\s+/)) {
        if (!this.listeners.has(event)) this.listeners.set(event, []);
        this.listeners.get(event).push(call);
      }
    }
    off(events, call) {
      for (const event of events ? events.split(/\s+/) : [...this.listeners.keys()]) {
        const kept = call ? (this.listeners.get(event) ?? []).filter((other) => other !== call) : [];
        this.listeners.set(event, kept);
      }
    }
    save_changes() {} // there is no kernel to tell
    send() {} // nor one to answer
  }

  // Arrays travel as base64 beside the state, each with the path of the place it belongs to.
  function withBuffers({ state, buffers }) {
    for (const { data, path } of buffers) {
      const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
      const parent = path.slice(0, -1).reduce((at, key) => at[key], state);
      parent[path.at(-1)] = new DataView(bytes.buffer);
    }
    return state;
  }

  // Modules come from blob: addresses, which work on pages opened as files too.
  function load(key) {
    if (!modules.has(key)) {
      const blob = new Blob([page.sources[key]], { type: "text/javascript" });
      modules.set(key, import(URL.createObjectURL(blob)));
    }
    return modules.get(key);
  }

  function addStyle(key) {
    if (!key || document.querySelector(`style[data-widget-css="${key}"]`)) return;
    const style = document.createElement("style");
    style.dataset.widgetCss = key;
    style.textContent = page.sources[key];
    document.head.append(style);
  }

  function open(id) {
    if (!models.has(id)) models.set(id, start(id));
    return models.get(id);
  }

  async function start(id) {
    if (!page.state[id]) throw new Error(`the page holds no state of the widget ${id}`);
    const state = withBuffers(page.state[id]);
    const exported = (await load(state._esm)).default;
    const widget = typeof exported === "function" ? await exported() : exported;
    addStyle(state._css);
    const model = new Model(state);
    await widget.initialize?.({ model, signal: new AbortController().signal });
    return { model, widget };
  }

  async function show(place) {
    const el = document.createElement("div");
    try {
      const { model, widget } = await open(place.dataset.modelId);
      place.append(el); // in the page before it draws, so that it can measure itself
      await widget.render({ model, el, signal: new AbortController().signal });
      place.dataset.alive = ""; // the style sheet now hides the static picture
    } catch (error) {
      el.remove();
      console.error("An interactive figure stays a picture:", error);
    }
  }

  document.querySelectorAll(".course-widget[data-model-id]").forEach(show);
})();
