// The way back to cookies inside a frame: asked for on a click, as the Storage Access API demands. The other button of
// the page needs no script.
"use strict";
(() => {
  const form = document.getElementById("storage");
  const said = document.getElementById("storage-said");
  if (!form || typeof document.requestStorageAccess !== "function") return;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await document.requestStorageAccess();
      form.submit();
    } catch {
      said.textContent = form.dataset.refused;
      form.hidden = true;
    }
  });
})();
