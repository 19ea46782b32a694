// A new referral: the keys 1 to 9 choose a clinic, and days that follow from another urgency are shown as they were kept.
// Everything also works without it.
"use strict";
(() => {
  const typing = (element) => element?.matches?.("input:not([type=checkbox], [type=radio]), textarea, select");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || !/^[1-9]$/.test(event.key)) return;
    const clinic = document.querySelectorAll(".cand input")[Number(event.key) - 1];
    if (!clinic) return;
    event.preventDefault();
    clinic.click();
    clinic.focus();
  });
  // What is being sent is whole: a draft that is kept beside it would come too late, and be refused.
  document.addEventListener("htmx:before:request", (event) => {
    const form = event.detail?.ctx?.sourceElement;
    if (form?.dataset && ("asking" in form.dataset || "sent" in form.dataset)) event.preventDefault();
  });
  document.addEventListener("htmx:after:swap", () => {
    const kept = document.querySelector("#finder")?.dataset;
    if (!kept) return;
    for (const name of ["from", "to"]) {
      const input = document.getElementById(`act-${name}`), shown = document.getElementById(`${name}-shown`);
      if (!input || document.activeElement === input || kept[name] === undefined) continue;
      input.value = shown.value = kept[name];
    }
  });
})();
