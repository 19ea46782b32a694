// A new referral: days are kept once they are read back as days; Ctrl and Enter sends. Everything also works without it.
"use strict";
(() => {
  // The window that follows from another urgency is the server's to say: what it kept is shown in the fields.
  document.addEventListener("htmx:after:swap", () => {
    const kept = document.querySelector("#finder")?.dataset;
    if (!kept) return;
    for (const name of ["from", "to"]) {
      const input = document.getElementById(`act-${name}`);
      if (input && document.activeElement !== input && kept[name] !== undefined) input.value = kept[name];
    }
  });
})();
