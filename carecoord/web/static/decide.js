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
})();
