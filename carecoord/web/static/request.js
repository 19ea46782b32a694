// The clinic's requests for authorization: the keys of the acts that stand in the panel or on the page.
"use strict";
(() => {
  const typing = (element) => element?.matches?.("input:not([type=checkbox]):not([type=radio]), textarea, select");
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const buttons = [...document.querySelectorAll(".request-acts [data-key]")];
    const button = buttons.find((each) => each.dataset.key === event.key);
    const row = event.target.closest?.(".case");
    if (button && (!row || row.classList.contains("case-open"))) {
      event.preventDefault();
      button.click();
    } else if (row && event.key === "c") { // a call about a row that is not open: its panel opens with the form
      event.preventDefault();
      const link = row.querySelector(".case-link"), before = link.getAttribute("href");
      link.setAttribute("href", `${before}&act=call-payer`);
      link.click();
      link.setAttribute("href", before);
    } else if (row && event.key === "o") {
      event.preventDefault();
      location.assign(row.dataset.page);
    }
  });
  const first = document.querySelector("#changed, #faults, #act-form input:not([type=hidden]), #act-form select, #act-form textarea");
  first?.focus();
})();
