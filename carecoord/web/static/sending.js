// Before a form with something typed in it is sent: is the session still there, and is it the same person's? Else the
// form stays as it is, in this page and nowhere else, and says what to do. Without this script the server says it, later.
"use strict";
(() => {
  const typedIn = 'input:not([type="hidden"], [type="search"], [readonly]), textarea, select';
  const tell = (form, text, link) => {
    let alert = form.querySelector(":scope > .unsent");
    if (!alert) {
      alert = document.createElement("p");
      alert.className = "alert unsent";
      alert.setAttribute("role", "alert");
      form.prepend(alert);
    }
    alert.textContent = text;
    if (link) {
      const way = document.createElement("a");
      Object.assign(way, { href: "/sign-in", target: "_blank", rel: "noopener", textContent: spoken("sign-in") });
      alert.append(" ", way);
    }
    alert.scrollIntoView({ block: "nearest" });
  };
  const mine = { csrf: document.querySelector('input[name="csrf"]')?.value, login: document.body.dataset.login };

  // Who comes back to a page that the browser kept may send its form again.
  addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => { delete form.dataset.sent; }));

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (form.method !== "post" || !form.querySelector(typedIn) || event.defaultPrevented || !mine.login) return;
    event.preventDefault();
    if (form.dataset.asking) return;
    form.dataset.asking = "";
    const button = event.submitter;
    let now;
    try {
      const answer = await fetch("/session", { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      now = await answer.json();
    } catch {
      tell(form, spoken("unsent-silent"));
      return;
    } finally {
      delete form.dataset.asking;
    }
    if (!now.login) {
      tell(form, spoken("unsent-signed-out"), true);
      return;
    }
    if (now.login !== mine.login) {
      tell(form, spoken("unsent-other", { other: now.login, me: mine.login }));
      return;
    }
    document.querySelectorAll('input[name="csrf"]').forEach((input) => { input.value = now.csrf; });
    form.querySelector(":scope > .unsent")?.remove();
    // as the browser would have sent it: with the button that was pressed, past this listener
    if (button?.name) {
      const pressed = document.createElement("input");
      Object.assign(pressed, { type: "hidden", name: button.name, value: button.value });
      form.append(pressed);
    }
    if (button?.hasAttribute("formaction")) form.action = button.formAction;
    form.dataset.sent = "";
    HTMLFormElement.prototype.submit.call(form);
  });
})();
