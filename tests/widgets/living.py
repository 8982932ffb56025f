"""A figure brought to life in a blank page, as a host without a kernel does it."""

from __future__ import annotations

import json

from playwright.sync_api import Page

from course_utils.widgets import InteractiveFigure

PAGE = """<!doctype html><html lang="en"><head><title>A figure</title>
<meta name="viewport" content="width=device-width">
<style>body { margin: 16px; font-family: sans-serif; }
html[data-theme=dark] body { background: #14181e; color: #ced6dd; }</style></head>
<body><main><h1>A figure</h1><div id="place"></div></main></body></html>"""

# A model as anywidget's contract asks for it, without a kernel.
START = """async ([source, style, state]) => {
  document.head.append(Object.assign(document.createElement("style"), { textContent: style }));
  const blob = new Blob([source], { type: "text/javascript" });
  const widget = await import(URL.createObjectURL(blob));
  const listeners = {};
  const model = {
    get: (name) => state[name],
    set: (name, value) => {
      state[name] = value;
      for (const call of listeners[`change:${name}`] ?? []) call();
    },
    on: (events, call) => {
      for (const event of events.split(" ")) (listeners[event] ??= []).push(call);
    },
    off: (events, call) => {
      for (const event of events.split(" ")) {
        listeners[event] = listeners[event].filter((f) => f !== call);
      }
    },
    save_changes: () => { window.saved = { ...state }; },
  };
  window.model = model;
  window.listening = () => Object.values(listeners).flat().length;
  window.widget = widget;
  window.stop = widget.default.render({ model, el: document.getElementById("place") });
}"""


def start(page: Page, figure: InteractiveFigure) -> None:
    """Show ``figure`` in ``page``; its module is ``widget`` there, its state ``model``."""
    own = [name for name in figure.keys if not name.startswith("_")]
    state = {n: getattr(figure, n) for n in own if n not in ("layout", "tabbable", "tooltip")}
    state = json.loads(json.dumps(state, sort_keys=True))  # as a notebook file keeps it
    page.set_content(PAGE)
    page.evaluate(START, [str(figure._esm), str(figure._css), state])
