// The desk's own script: theme, keys inside the list, choosing rows, focus and what is said aloud after a swap.
// Everything also works without it: links are links, forms are forms.
"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const remember = (name, value) => { document.cookie = `${name}=${value}; path=/; max-age=31536000; SameSite=Lax`; };
  const remembered = (name) => document.cookie.split("; ").find((c) => c.startsWith(name + "="))?.slice(name.length + 1);
  const root = document.documentElement;

  // Theme: as the system says, until somebody chooses.
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = $("#theme");
  const label = () => theme.setAttribute("aria-label", spoken(isDark() ? "theme-dark" : "theme-light"));
  theme.hidden = false;
  label();
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    remember("theme", root.dataset.theme);
    label();
  });

  // The one key that works everywhere can be switched off (WCAG 2.1.4).
  const slash = $("#slash");
  slash.checked = remembered("slash") !== "off";
  $("#slash-choice").hidden = false;
  slash.addEventListener("change", () => remember("slash", slash.checked ? "on" : "off"));

  // How much waits, beside its link in the rail. Nothing is asked while the window is hidden.
  const count = $("#waiting-number");
  const recount = async () => {
    if (!count || document.hidden) return;
    const answer = await fetch("/waiting/number", { headers: { "X-Refresh": "1" }, redirect: "manual" }).catch(() => null);
    if (answer?.status !== 200) return;
    const n = await answer.text();
    count.hidden = !n;
    count.textContent = n;
    if (n) count.closest("a").setAttribute("aria-label", spoken("waiting", { n })); else count.closest("a").removeAttribute("aria-label");
  };
  recount();
  setInterval(recount, 30_000);
  document.addEventListener("visibilitychange", recount);

  const links = () => all(".case-link");
  const row = (element) => element?.closest?.(".case");
  const step = (by) => {
    const known = links();
    const at = known.indexOf(row(document.activeElement) && $(".case-link", row(document.activeElement)));
    const next = known[at + by];
    next?.focus();
    next?.closest(".case").scrollIntoView({ block: "nearest" });
  };
  const typing = (element) => element?.matches?.("input:not([type=checkbox]), textarea, select, [contenteditable]");

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const here = event.target;
    if (event.key === "Escape") {
      const menu = $("details.menu[open]");
      if (menu) { menu.open = false; $("summary", menu).focus(); return; }
      if (typing(here) && here.value) return;
      $("#close")?.click();
      return;
    }
    if (typing(here)) return;
    if (event.key === "/" && slash.checked && $("#search")) { event.preventDefault(); $("#search").focus(); $("#search").select(); return; }
    if (!here.closest?.("#list")) return;
    const move = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move) { event.preventDefault(); step(move); }
    if (event.key === "x" && row(here)) { event.preventDefault(); $(".pick input", row(here)).click(); }
    if (event.key === "Enter" && here.id === "list") { links()[0]?.focus(); }
  });

  // Menus: one at a time, closed by a click beside them.
  document.addEventListener("click", (event) => {
    all("details.menu[open]").forEach((menu) => { if (!menu.contains(event.target)) menu.open = false; });
  });

  // A menu that would leave the window stands above its button, or is moved back in.
  const margin = 8;
  document.addEventListener("toggle", (event) => {
    const menu = event.target;
    const list = menu.matches?.("details.menu[open]") && $(".menu-list", menu);
    if (!list) return;
    list.style.translate = "";
    const box = list.getBoundingClientRect();
    const button = $("summary", menu).getBoundingClientRect();
    const right = Math.max(0, box.right - (root.clientWidth - margin));
    const x = box.left < margin ? margin - box.left : -Math.min(right, box.left - margin);
    const below = Math.max(0, box.bottom - (innerHeight - margin));
    const above = button.top - margin >= box.height ? box.bottom - button.top + margin / 2 : Math.min(below, box.top - margin);
    list.style.translate = `${x}px ${below ? -above : 0}px`;
  }, true);

  // A text with a title lies above its row's link, so that it can be read whole: it opens the row as the link does.
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.(".case td [title]") && !event.target.closest("a, button, label") && $(".case-link", row(event.target));
    if (link) link.dispatchEvent(new MouseEvent("click", event));
  });

  // Choosing rows. What is chosen stays chosen on other pages and under other filters, of the open referrals or of the
  // closed ones: the two are downloaded apart.
  const kept = new Set();
  const among = { closed: null };
  const picks = () => all('.pick input[name="id"]');
  const chosen = () => {
    const here = picks();
    here.forEach((box) => { box.checked = kept.has(box.value); });
    const n = here.filter((box) => box.checked).length;
    const every = $("#pick-all");
    if (every) { every.checked = n > 0 && n === here.length; every.indeterminate = n > 0 && n < here.length; }
    const form = $("#chosen");
    const closed = form ? !!$('[name="tab"]', form) : among.closed;
    if (among.closed !== closed && kept.size) { kept.clear(); among.closed = closed; return chosen(); }
    among.closed = closed;
    all('input[name="id"]', form ?? document.createElement("form")).forEach((input) => input.remove());
    const shown = new Set(here.map((box) => box.value));
    [...kept].filter((id) => form && !shown.has(id)).forEach((id) => {
      form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "id", value: id }));
    });
    all("#chosen-count, #chosen-n").forEach((count) => { count.textContent = kept.size || ""; });
    return spoken(kept.size - n ? "chosen-elsewhere" : "chosen", { n: kept.size, elsewhere: kept.size - n });
  };
  document.addEventListener("change", (event) => {
    if (!event.target.closest(".pick")) return;
    const changed = event.target.id === "pick-all" ? picks() : [event.target];
    changed.forEach((box) => { kept[event.target.checked ? "add" : "delete"](box.value); });
    say(chosen());
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.("#chosen-none")) return;
    kept.clear();
    say(chosen());
    $("#list").focus();
  });

  const said = $("#said");
  const say = (text) => { said.textContent = text; };

  // After a swap: say what the list holds now; the panel takes the focus only when somebody opened it.
  let asked = null;
  document.addEventListener("htmx:before:request", (event) => {
    const source = event.detail?.ctx?.sourceElement;
    asked = !source?.matches ? null : source.matches(".case-link") ? "open" : source.id === "close" ? "close"
      : source.closest(".pages") ? "page" : source.closest(".filters-menus") ? "filter" : null;
    filter.name = asked === "filter" ? source.closest(".facet")?.dataset.facet : null;
    filter.value = asked === "filter" ? source.dataset.value : null;
  });
  // A filter that was just changed stays at hand: more of its values can be chosen, and the focus is where it was.
  const filter = { name: null, value: null };
  const backToFilter = () => {
    const facet = all(".facet").find((one) => one.dataset.facet === filter.name) ?? $(".facet");
    const choice = filter.value === undefined ? null : all(".menu-item", facet).find((one) => one.dataset.value === filter.value);
    if (choice) $("details", facet).open = true;
    (choice ?? $("summary", facet))?.focus();
  };

  // What fresh.js fetched by itself is no answer to anybody: nothing is said, and nothing is closed.
  const byItself = (ctx) => ctx?.request?.headers?.["X-Refresh"] === "1";

  // What could not be fetched is said in place: the page stays as it is, and can ask again.
  const failed = { ask: null };
  const fail = (text, ask) => {
    failed.ask = ask;
    $("#failed").hidden = false;
    $("#failed-text").textContent = text;
  };
  const failedNot = () => { $("#failed").hidden = true; $("#failed-text").textContent = ""; };
  const askAgain = (ctx) => () => {
    const source = ctx.sourceElement;
    if (source?.isConnected && source.matches("a[href]")) source.click();
    else if (ctx.target === document.body || !$("#desk")) location.reload();
    else htmx.ajax("GET", ctx.request.action, { target: "#desk", swap: "outerMorph", replace: "true" });
  };
  const trying = (ctx) => {
    const row = ctx.sourceElement?.matches?.(".case-link") ? ctx.sourceElement.textContent.trim() : "";
    return row ? spoken("not-opened", { row }) : spoken("not-fetched");
  };
  document.addEventListener("htmx:response:error", ({ detail: { ctx } }) => {
    if (byItself(ctx) || ctx.hx?.redirect) return;
    if (ctx.sourceElement?.hasAttribute?.(`hx-status:${ctx.response.status}`) && /id="(act-form|faults|changed)"/.test(ctx.text ?? "")) return;
    ctx.status = "refused"; // nothing is put into the page, and its address stays
    const said = new DOMParser().parseFromString(ctx.text ?? "", "text/html").querySelector(".alert")?.textContent.trim();
    fail(`${trying(ctx)}. ${said || spoken("answered", { status: ctx.response.status })}`, askAgain(ctx));
  });
  document.addEventListener("htmx:error", ({ detail: { ctx } }) => {
    if (ctx && !byItself(ctx)) fail(spoken("silent", { what: trying(ctx) }), askAgain(ctx));
  });
  $("#failed-again").addEventListener("click", () => { const ask = failed.ask; failedNot(); ask?.(); });
  $("#failed-close").addEventListener("click", () => { failedNot(); $("#list, #main")?.focus(); });

  const shownBefore = { id: $("#panel")?.dataset.id };
  // A tab that the end of its row cuts is shown whole once the focus is on it: a browser takes a sliver for enough.
  document.addEventListener("focusin", ({ target }) => target.closest(".tabs a")?.scrollIntoView({ block: "nearest", inline: "nearest" }));

  // Where the panel covers the list, the list takes no focus: nobody could see it.
  const covering = matchMedia("(max-width: 720px)");
  const ready = () => {
    const every = $("#pick-all");
    if (every) every.closest(".pick").hidden = false;
    if ($(".desk #main")) $(".desk #main").inert = covering.matches && !!$(".desk #panel");
    chosen();
  };
  document.addEventListener("htmx:after:swap", (event) => {
    ready();
    if (byItself(event.detail?.ctx)) return;
    if ($("#done")) recount();
    failedNot();
    all("details.menu[open]").forEach((menu) => { menu.open = false; });
    const panel = $("#panel");
    if (asked === "open" && panel) {
      $("h2", panel).focus();
      say(spoken("opened", { name: $("h2", panel).textContent.trim() }));
    } else if (asked === "close") {
      const row = document.getElementById("case-" + shownBefore.id) ?? document.getElementById("request-" + shownBefore.id);
      (row?.querySelector(".case-link") ?? $("#list"))?.focus();
      say(spoken("closed"));
    } else {
      say($("#keys")?.dataset.title ?? $(".empty h2")?.textContent ?? "");
      if (asked === "page") {
        $("#list").scrollTop = 0;
        $("#list").focus({ preventScroll: true });
        if (covering.matches) $("#list").scrollIntoView();
      }
      if (asked === "filter") backToFilter();
    }
    shownBefore.id = panel?.dataset.id;
    asked = null;
  });
  covering.addEventListener("change", ready);
  ready();
})();
