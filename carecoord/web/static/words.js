// What scripts say: the page has it from the catalogue, in its reader's language (web/page/scripts.py).
"use strict";
window.spoken = (name, places = {}) => {
  const told = JSON.parse(document.getElementById("words")?.dataset.words ?? "{}");
  return (told[name] ?? "").replace(/\{(\w+)\}/g, (_, place) => places[place] ?? "");
};
