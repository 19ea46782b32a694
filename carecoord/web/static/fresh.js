// The list, a referral or a patient while they are looked at: the clocks run, and whether anything has changed is asked every few seconds, which costs
// next to nothing; the page is fetched when something has, and once a minute. Nothing is asked while the window is hidden,
// seldom where nobody has moved for long, and nothing is fetched while somebody types or has a menu open.
"use strict";
(() => {
  const EVERY = 60_000, PROBE = 3_000, SELDOM = 30_000, LONG = 600_000, TICK = 30_000; // milliseconds
  const $ = (selector) => document.querySelector(selector);
  const state = { ahead: 0, fetched: Date.now(), open: [], focus: null, asking: false, version: null, news: false, asked: "", moved: Date.now(), probed: Date.now() };
  const now = () => Date.now() + state.ahead;
  const place = () => $("[data-now]"); // what is fetched anew, and where it is asked whether anything has changed
  const take = () => { state.ahead = Number(place()?.dataset.now) - Date.now(); state.fetched = Date.now(); };
  const isRefresh = (ctx) => ctx?.request?.headers?.["X-Refresh"] === "1";

  // as web/page/times.py says a length of time
  const span = (minutes) => {
    const hours = Math.floor(minutes / 60), days = Math.floor(hours / 24), two = (n) => String(n).padStart(2, "0");
    if (minutes < 60) return `${minutes}m`;
    if (hours < 24) return `${hours}h ${two(minutes % 60)}m`;
    return days < 10 ? `${days}d ${two(hours % 24)}h` : `${days}d`;
  };
  const run = () => {
    let over = false;
    document.querySelectorAll("[data-due]").forEach((text) => {
      const left = Number(text.dataset.due) - now();
      const said = (left < 0 ? "\u2212" : "") + span(Math.floor(Math.abs(left) / 60_000));
      if (text.textContent !== said) text.textContent = said;
      over ||= left < 0 && !text.closest(".clock-late");
    });
    return over;
  };
  const written = () => [...place()?.querySelectorAll(".jot input:not([type=hidden])") ?? []].some((one) => one.value !== one.defaultValue);
  const typing = () => window.actFormIsDirty?.() || document.activeElement?.closest("#act-form") || written();
  const busy = () => document.hidden || state.asking || document.activeElement?.matches("#search")
    || $("details.menu[open]") || $("dialog[open]") || !$("#failed").hidden || typing();
  const refresh = async () => {
    state.asking = true;
    state.asked = location.href;
    try {
      await htmx.ajax("GET", location.pathname + location.search,
        { target: `#${place().id}`, swap: "outerMorph", headers: { "X-Refresh": "1" } });
    } finally {
      state.asking = false;
    }
  };
  const look = () => {
    if (!place()) return;
    const over = run();
    if (!busy() && (over || state.news || Date.now() - state.fetched >= EVERY)) { state.news = false; refresh(); }
  };
  // Has anything changed? The answer is a number in a header; the page itself comes only when it is another one.
  const probe = async () => {
    const where = place()?.dataset.version ?? ($("#list") && "/worklist/version");
    if (document.hidden || !place() || !where) return;
    if (Date.now() - state.moved > LONG && Date.now() - state.probed < SELDOM) return;
    state.probed = Date.now();
    const headers = { "X-Refresh": "1", ...(state.version && { "If-None-Match": state.version }) };
    const answer = await fetch(where, { headers, redirect: "manual" }).catch(() => null);
    if (answer?.status !== 204) return;
    const version = answer.headers.get("ETag");
    state.news ||= state.version !== null && version !== state.version;
    state.version = version;
    if (!state.news) return;
    const said = $("#updated");
    if (busy() && said) said.textContent = said.dataset.changed;
    look();
  };
  for (const kind of ["keydown", "pointermove", "pointerdown"]) document.addEventListener(kind, () => { state.moved = Date.now(); }, { passive: true });

  const details = () => [...document.querySelectorAll("#panel details, .patient details")];
  const panel = () => $("#panel")?.dataset.id ?? place()?.id;
  document.addEventListener("htmx:before:swap", (event) => {
    if (!isRefresh(event.detail.ctx)) return;
    if (location.href !== state.asked || typing()) { // somebody went on while it was fetched: it would take away their form
      event.preventDefault();
      state.news = true;
      return;
    }
    const row = document.activeElement?.closest(".case");
    Object.assign(state, { panel: panel(), open: details().map((one) => one.open), row: row?.id, focus: document.activeElement });
  });
  document.addEventListener("htmx:after:swap", ({ detail: { ctx } }) => {
    take();
    if (!isRefresh(ctx)) return;
    if (state.panel === panel()) details().forEach((one, at) => { one.open = !!state.open[at]; });
    const row = state.row && document.getElementById(state.row);
    if (row && !row.contains(document.activeElement)) row.querySelector(".case-link").focus({ preventScroll: true });
    else if (state.focus?.isConnected && state.focus !== document.activeElement) state.focus.focus({ preventScroll: true });
  });
  const stale = ({ detail: { ctx } }) => {
    if (!isRefresh(ctx) || ctx.hx?.redirect) return;
    ctx.status = "refused";
    state.fetched = Date.now();
    const said = $("#updated");
    if (said) said.textContent = said.dataset.late;
  };
  document.addEventListener("htmx:response:error", stale);
  document.addEventListener("htmx:error", stale);
  document.addEventListener("visibilitychange", () => { look(); probe(); });
  take();
  probe();
  setInterval(look, TICK);
  setInterval(probe, PROBE);
})();
