// The page of the EHRs while it is looked at: it is fetched anew every half minute, and shown where nobody is in it.
// Without this script it is as it was when it was opened.
"use strict";
(() => {
  const EVERY = 30_000; // milliseconds
  const busy = () => document.hidden || document.activeElement?.closest("#ehrs");
  const refresh = async () => {
    if (busy()) return;
    const answer = await fetch("/ehrs", { headers: { "X-Refresh": "1" }, redirect: "manual" }).catch(() => null);
    if (answer?.status !== 200) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#ehrs");
    if (fresh && !busy()) document.querySelector("#ehrs").replaceWith(document.adoptNode(fresh));
  };
  setInterval(refresh, EVERY);
})();
