// One request at its payer's desk: who has it open stays on it. Without it, each look at the page says so again.
"use strict";
(() => {
  const main = document.querySelector("[data-hold]");
  if (!main) return;
  const hold = () => {
    if (document.hidden) return;
    const form = new FormData();
    form.set("csrf", main.dataset.csrf);
    fetch(main.dataset.hold, { method: "POST", body: form, redirect: "manual" }).catch(() => null);
  };
  setInterval(hold, 300_000);

  // A letter chooses what is decided on the line that has the focus; a number goes to its line (WCAG 2.1.4: only there).
  const letters = { a: "approve", m: "modify", i: "ask", d: "deny" };
  const lines = () => [...main.querySelectorAll(".decide-line")];
  const choice = (line, value) => line.querySelector(`input[name^="do-"][value="${value}"]`);
  const choose = (line, value) => { const radio = choice(line, value); radio.checked = true; radio.dispatchEvent(new Event("change", { bubbles: true })); return radio; };
  main.addEventListener("keydown", (event) => {
    const beside = (event.ctrlKey || event.metaKey) && event.key === "Enter" && event.target.closest(".decide-act form");
    if (beside) { event.preventDefault(); beside.requestSubmit(); return; }
    const here = event.target, line = here.closest(".decide-line");
    if (event.ctrlKey || event.metaKey || event.altKey || !line || here.matches("input:not([type=radio]), textarea, select")) return;
    const radio = letters[event.key] ? choose(line, letters[event.key]) : /^[1-9]$/.test(event.key) ? lines()[event.key - 1]?.querySelector("input[name^='do-']") : null;
    if (radio) { event.preventDefault(); radio.focus(); }
  });
  const all = document.getElementById("approve-all");
  if (all && lines().length > 1) {
    all.hidden = false;
    all.addEventListener("click", () => lines().forEach((line) => choose(line, "approve")));
  }
})();
