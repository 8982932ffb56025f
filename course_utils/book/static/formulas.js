// Two things that MathJax leaves to be done once it has drawn the page: the formulas in quizzes, and
// a way to reach, without a mouse, a formula that is wider than its column and scrolls.
(() => {
  "use strict";

  function makeReachable() {
    for (const formula of document.querySelectorAll('mjx-container[display="true"]')) {
      if (formula.scrollWidth <= formula.clientWidth) continue;
      formula.tabIndex = 0;
      formula.setAttribute("role", "group");
      formula.setAttribute("aria-label", "Wide formula");
    }
  }

  // MathJax is deferred too, and before this script.
  window.MathJax.startup.promise.then(async () => {
    await window.MathJax.typesetPromise([...document.querySelectorAll("div.Quiz")]);
    makeReachable();
    window.addEventListener("resize", makeReachable);
  });
})();
