// A code looked up by its words while they are typed (WAI-ARIA 1.2 combobox with a list): arrows, Enter, Escape, a click.
// Without this script the field takes the code itself, and a form that is sent comes back with what may be meant.
"use strict";
(() => {
  const DELAY = 150, AGAIN = 1500; // milliseconds
  const state = { timer: 0, asked: 0, at: -1 };
  const box = (input) => document.getElementById(`${input.id}-codes`);
  const options = (input) => [...box(input).querySelectorAll("[role=option]")];
  const isField = (element) => element?.matches?.("input[data-codes]") && box(element);

  const mark = (input, at) => {
    state.at = at;
    options(input).forEach((option, n) => option.setAttribute("aria-selected", String(n === at)));
    const chosen = options(input)[at];
    if (!chosen) return input.removeAttribute("aria-activedescendant");
    input.setAttribute("aria-activedescendant", chosen.id);
    chosen.scrollIntoView({ block: "nearest" });
  };
  const close = (input) => {
    clearTimeout(state.timer);
    state.asked += 1;
    state.at = -1;
    box(input).hidden = true;
    box(input).replaceChildren();
    input.setAttribute("aria-expanded", "false");
    ["aria-activedescendant", "aria-controls"].forEach((name) => input.removeAttribute(name));
  };
  const show = (input, html) => {
    const found = new DOMParser().parseFromString(html, "text/html").body;
    box(input).replaceChildren(...[...found.childNodes].map((node) => document.adoptNode(node)));
    const list = box(input).querySelector("ul");
    if (list) {
      Object.assign(list, { id: `${input.id}-list`, role: "listbox" });
      list.setAttribute("aria-label", input.labels[0]?.textContent ?? spoken("codes"));
      list.querySelectorAll("li").forEach((option, n) => Object.assign(option, { id: `${input.id}-option-${n}`, role: "option" }));
      input.setAttribute("aria-controls", list.id);
    } else input.removeAttribute("aria-controls");
    box(input).hidden = false;
    input.setAttribute("aria-expanded", String(!!list));
    mark(input, -1);
    box(input).scrollIntoView({ block: "nearest" });
    const n = options(input).length, beside = box(input).querySelector(".sum")?.textContent ?? "";
    document.getElementById("said").textContent = [n && spoken(n === 1 ? "code-found" : "codes-found", { n }), beside].filter(Boolean).join(" ");
    if (box(input).querySelector("[data-again]")) state.timer = setTimeout(() => ask(input), AGAIN);
  };
  const ask = async (input) => {
    const said = input.value.trim(), asked = ++state.asked;
    if (said.length < 2) return close(input);
    const query = new URLSearchParams({ of: input.dataset.codes, said });
    const answer = await fetch(`/codes?${query}`, { headers: { "HX-Request": "true" }, redirect: "manual" }).catch(() => null);
    if (asked !== state.asked || document.activeElement !== input) return;
    if (answer?.ok) show(input, await answer.text()); else close(input); // the code itself can still be typed
  };
  const choose = (input, option) => {
    input.value = option.dataset.said;
    close(input);
    input.dispatchEvent(new Event("change", { bubbles: true })); // a form that is kept while it is filled in hears of it
    document.getElementById("said").textContent = spoken("code-chosen", { code: input.value });
  };

  document.addEventListener("focusin", ({ target }) => {
    if (!isField(target) || target.role === "combobox") return;
    Object.assign(target, { role: "combobox", ariaAutoComplete: "list", ariaExpanded: "false", ariaHasPopup: "listbox" });
  });
  document.addEventListener("focusout", ({ target }) => { if (isField(target)) close(target); });
  document.addEventListener("input", ({ target }) => {
    if (!isField(target)) return;
    clearTimeout(state.timer);
    state.timer = setTimeout(() => ask(target), DELAY);
  });
  document.addEventListener("mousedown", (event) => {
    const found = event.target.closest?.(".codes"), input = found && document.getElementById(found.id.replace(/-codes$/, ""));
    if (!input) return;
    event.preventDefault(); // the field keeps the focus
    const option = event.target.closest("[role=option]");
    if (option && event.button === 0) choose(input, option);
  });
  // Before the keys of the desk: Escape closes the list, not the form that it stands in.
  window.addEventListener("keydown", (event) => {
    const input = event.target;
    if (!isField(input) || event.ctrlKey || event.metaKey || event.altKey) return;
    const shown = !box(input).hidden, known = options(input);
    const used = () => { event.preventDefault(); event.stopImmediatePropagation(); };
    if (event.key === "Escape" && shown) { used(); close(input); }
    else if (event.key === "ArrowDown" && !shown && input.value.trim()) { used(); ask(input); }
    else if (event.key === "ArrowDown" && known.length) { used(); mark(input, (state.at + 1) % known.length); }
    else if (event.key === "ArrowUp" && known.length) { used(); mark(input, state.at > 0 ? state.at - 1 : known.length - 1); }
    else if (event.key === "Enter" && shown && known.length && (state.at >= 0 || known.length === 1)) { used(); choose(input, known[Math.max(0, state.at)]); }
  }, true);
})();
