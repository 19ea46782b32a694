// Passkeys: a form marked data-passkey="get" or "create" asks the server what to ask for, the browser for the passkey,
// and then goes the way of every form. Where the browser knows no passkeys the form stays hidden.
"use strict";
(() => {
  if (!window.PublicKeyCredential || !navigator.credentials) return;
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const known = (list) => (list ?? []).map((each) => ({ ...each, id: bytes(each.id) }));

  const create = async (asked) => {
    const made = await navigator.credentials.create({ publicKey: {
      ...asked,
      challenge: bytes(asked.challenge),
      user: { ...asked.user, id: bytes(asked.user.id) },
      excludeCredentials: known(asked.excludeCredentials),
    } });
    return { ...plain(made), response: {
      clientDataJSON: text(made.response.clientDataJSON),
      attestationObject: text(made.response.attestationObject),
    } };
  };
  const get = async (asked) => {
    const shown = await navigator.credentials.get({ publicKey: {
      ...asked, challenge: bytes(asked.challenge), allowCredentials: known(asked.allowCredentials),
    } });
    const { clientDataJSON, authenticatorData, signature, userHandle } = shown.response;
    return { ...plain(shown), response: {
      clientDataJSON: text(clientDataJSON), authenticatorData: text(authenticatorData), signature: text(signature),
      userHandle: userHandle ? text(userHandle) : null,
    } };
  };
  const plain = (found) => ({ id: found.id, rawId: text(found.rawId), type: found.type });

  const words = (error, told) => ({ InvalidStateError: told.known, NotAllowedError: told.none })[error.name] ?? (error.message || told.failed);

  document.querySelectorAll("form[data-passkey]").forEach((form) => {
    const trouble = form.querySelector("[data-trouble]");
    const button = form.querySelector("button");
    form.hidden = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      trouble.hidden = true;
      button.disabled = true;
      try {
        const answer = await fetch(form.dataset.options, {
          method: "POST", body: new FormData(form), credentials: "same-origin", redirect: "error",
        });
        const asked = await answer.json();
        if (!answer.ok) throw new Error(asked.problem);
        const found = await (form.dataset.passkey === "create" ? create : get)(asked);
        form.elements.credential.value = JSON.stringify(found);
        form.submit();
      } catch (error) {
        trouble.textContent = words(error, form.dataset);
        trouble.hidden = false;
        button.disabled = false;
        button.focus();
      }
    });
  });
})();
