// How many cases each option of an opened filter would give: asked when its menu opens, so that no page waits for it.
"use strict";
(() => {
  const fill = async (facet) => {
    const asked = new URLSearchParams(location.search);
    asked.set("facet", facet.dataset.facet);
    const answer = await fetch(`/worklist/options?${asked}`, { redirect: "manual" }).catch(() => null);
    if (!answer?.ok) return; // the menu works without them
    const counts = await answer.json();
    facet.querySelectorAll(".menu-item[data-value]").forEach((option) => {
      const told = counts[option.dataset.value];
      const place = option.querySelector(".option-count");
      place.hidden = told === undefined;
      if (told === undefined) return;
      place.querySelector("b").textContent = told;
    });
  };
  document.addEventListener("toggle", (event) => {
    const facet = event.target.matches?.("details.menu[open]") && event.target.closest(".facet[data-facet]");
    if (facet) fill(facet);
  }, true);
})();
