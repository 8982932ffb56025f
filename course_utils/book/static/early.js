// Runs before the page is drawn.
(() => {
  "use strict";
  // On a first visit the theme takes an empty mode for an invalid one, says so, and draws without
  // colors until its own script has run.
  const root = document.documentElement;
  root.dataset.mode ||= "auto";
  if (!root.dataset.theme || root.dataset.theme === "auto") {
    const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "dark" : "light";
  }
})();
