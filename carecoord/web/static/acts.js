// Acts at the desk: their keys, days that are read back, the keys dialog, and where the focus goes after one was done.
// Everything also works without it: links open forms, forms are sent.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const typing = (element) => element?.matches?.("input:not([type=checkbox], [type=radio]), textarea, select");
  const form = () => $("#act-form");

  // A letter chooses its act in the panel, on a patient's page, or in the list for the row that has the focus (WCAG
  // 2.1.4: only there). What is typed into a patient's form is not left behind by a letter.
  const inPanel = (key) => $(`#panel [data-key="${key}"], .undo [data-key="${key}"]`);
  const verbs = { c: "contact", n: "note", a: "assign", z: "snooze" }; // in the list, for a row that is not open
  const choose = (event) => {
    const here = event.target, key = event.key;
    const row = here.closest?.(".case[id^=case-]");  // of the worklist
    const open = row?.classList.contains("case-open");
    const patient = here.closest?.("main.patient:has(#patient-name)");
    if (patient && !here.closest("#act-form")) {
      const button = $(`.patient-do [data-key="${key}"]`, patient);
      if (button) { event.preventDefault(); button.click(); return true; }
    }
    if (here.closest?.("#panel, .undo") || open || (key === "u" && here.closest?.("#list"))) {
      const button = inPanel(key);
      if (button) { event.preventDefault(); button.click(); return true; }
    }
    if (row && verbs[key]) {
      event.preventDefault();
      const link = $(".case-link", row), before = link.getAttribute("href");
      link.setAttribute("href", `${before}&act=${verbs[key]}`);
      link.click();
      link.setAttribute("href", before);
      return true;
    }
    return false;
  };
  document.addEventListener("keydown", (event) => {
    const here = event.target;
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && here.closest?.("#act-form")) {
      event.preventDefault();
      form().requestSubmit($('[type="submit"]', form()));
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && here.closest?.("#act-form") && !$("details.menu[open]")) {
      event.preventDefault();
      event.stopImmediatePropagation();
      if (!dirty() || typing(here) === false) $("#act-close").click(); else here.blur();
      return;
    }
    if (typing(here)) return;
    if (event.key === "?") { event.preventDefault(); keys(); return; }
    if (/^[a-z[\],.;=+0-]$/.test(event.key)) choose(event);
  }, true);

  // The dialog of all keys.
  if ($("#keys-open") && $("#keys-dialog")) $("#keys-open").hidden = false;
  const keys = () => { const dialog = $("#keys-dialog"); if (dialog && !dialog.open) dialog.showModal(); };
  document.addEventListener("click", (event) => {
    if (event.target.closest?.("#keys-open")) { $("details.menu[open]")?.removeAttribute("open"); keys(); }
    if (event.target.closest?.("#keys-close")) $("#keys-dialog").close();
  });

  // A day is said back as it was understood, while it is written.
  const wait = { timer: 0 };
  const read = async (input) => {
    const sum = document.getElementById(input.dataset.day);
    if (!sum || !input.value.trim()) return;
    const answer = await fetch(`/acts/day?said=${encodeURIComponent(input.value)}${"past" in input.dataset ? "&past" : "any" in input.dataset ? "&any" : ""}`, { headers: { Accept: "text/plain" } });
    if (!answer.ok || answer.redirected) return;
    sum.textContent = await answer.text();
    sum.classList.add("sum-read");
  };
  document.addEventListener("input", (event) => {
    if (!event.target.dataset?.day) return;
    clearTimeout(wait.timer);
    wait.timer = setTimeout(() => read(event.target), 200);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-fill]");
    if (!button) return;
    const input = document.getElementById(button.dataset.fill);
    input.value = button.dataset.value;
    input.focus();
    read(input);
  });

  // A file that is too large is not sent at all: what is typed beside it stays.
  const large = (input) => {
    const fault = document.getElementById(`${input.id}-large`), most = Number(input.dataset.most), size = input.files[0]?.size ?? 0;
    fault.hidden = size <= most;
    $("span", fault).textContent = fault.hidden ? "" : spoken("file-too-large", { size: (size / 1e6).toFixed(1), most: most / 1e6 });
    return !fault.hidden;
  };
  document.addEventListener("change", (event) => { if (event.target.dataset?.most) large(event.target); });
  document.addEventListener("submit", (event) => {
    const input = all("input[data-most]", event.target).find(large);
    if (!input) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    input.focus();
  }, true);

  // Whether something stands in the form that a refresh of the list must not touch: fresh.js asks.
  const fields = () => all("input:not([type=hidden]), textarea", form() ?? document.createElement("form"));
  const dirty = () => fields().some((one) => one.matches("[type=radio], [type=checkbox]") ? one.checked !== one.defaultChecked : one.value !== one.defaultValue)
    || !!$("#faults, #changed");
  window.actFormIsDirty = dirty;

  // After a swap: a new form takes the focus, what went wrong is read first, and after an act the panel goes on. On a
  // page that was loaded whole nothing says it aloud, so that the line that tells what was done takes the focus, or is
  // read out with the panel's name, where a panel goes on.
  const shown = { form: null, done: null };
  const open = () => form() && `${form().dataset.verb} ${form().dataset.step ?? ""} ${$("#panel")?.dataset.id}`;
  const note = () => { shown.form = open(); shown.done = $("#done")?.dataset.act; };
  const settle = (whole = false) => {
    all("[data-fill]").forEach((button) => { button.hidden = false; });
    all("[data-again]").forEach((text) => { text.hidden = document.getElementById(text.dataset.again).files.length > 0; }); // a swap keeps it
    const trouble = $("#faults") ?? $("#changed");
    const now = open();
    const done = $("#done")?.dataset.act;
    if (trouble) trouble.focus();
    else if (now && now !== shown.form) ($("[autofocus]:not([type=radio])", form()) ?? $("[autofocus]:checked", form()) ?? $("input:checked", form()) ?? $("[autofocus]", form()))?.focus();
    else if (whole && $("#done") && !$("#panel-name")) $("#done").focus();
    else if (done && done !== shown.done) {
      const next = document.getElementById(`case-${$("#desk")?.dataset.next}`); // where a row has left: the one after it
      if (whole) $("#panel-name").setAttribute("aria-describedby", "done-said");
      ($("#panel-name") ?? (next && $(".case-link", next)) ?? $("#list"))?.focus();
      $("#said").textContent = $("#done p").textContent.trim();
    } else if (shown.form && !now) $("#panel-name")?.focus();
    note();
  };
  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    if (ctx?.request?.headers?.["X-Refresh"] !== "1") settle(); else note();
  });
  settle(true);
  // Who comes by the address of one referral or patient comes to work on it: its keys are at hand at once.
  const named = new URLSearchParams(location.search).has("show") || location.pathname.startsWith("/referrals/");
  const begin = named ? $("#panel-name") : $("#patient-name");
  if (!location.hash && document.activeElement === document.body) begin?.focus({ preventScroll: true });
})();
