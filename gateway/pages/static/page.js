// Passkeys: the only thing on these pages that takes a script; what is left of a time is told without one too.
"use strict";

const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (char) => char.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
// What is signed is the digest that the form sends: its own 32 bytes.
const digest = (hex) => Uint8Array.from(hex.replace("sha256:", "").match(/../g), (pair) => parseInt(pair, 16));
const named = (form) =>
  form.dataset.passkeys.split(" ").filter(Boolean).map((id) => ({ type: "public-key", id: bytes(id) }));

const answered = async (form, ask) => {
  const told = form.querySelector(".told");
  told.textContent = "Your device asks you now.";
  try {
    return await ask();
  } catch (error) {
    told.textContent =
      error.name === "NotAllowedError"
        ? "Nothing was signed: you stopped it, it took too long, or this device has no passkey of yours. Nothing changed."
        : `Your device could not do that (${error.name}). Nothing changed.`;
    return null;
  }
};

const send = (form, fields) => {
  for (const [name, value] of Object.entries(fields)) {
    const field = Object.assign(document.createElement("input"), { type: "hidden", name, value });
    form.append(field);
  }
  form.submit();
};

const SIGNED = ["approve", "consent"];

const sign = async (form, decision) => {
  const found = await answered(form, () =>
    navigator.credentials.get({
      publicKey: {
        challenge: digest(form.querySelector("[name$=_digest]").value),
        rpId: form.dataset.sign,
        allowCredentials: named(form),
        userVerification: "required",
      },
    }),
  );
  if (!found) return;
  const assertion = {
    credential_id: text(found.rawId),
    authenticator_data: text(found.response.authenticatorData),
    client_data: text(found.response.clientDataJSON),
    signature: text(found.response.signature),
  };
  send(form, { decision, assertion: JSON.stringify(assertion) });
};

const enrol = async (form) => {
  const made = await answered(form, () =>
    navigator.credentials.create({
      publicKey: {
        challenge: bytes(form.dataset.challenge),
        rp: { id: form.dataset.enrol, name: "Interlock" },
        user: { id: bytes(form.dataset.user), name: form.dataset.name, displayName: form.dataset.name },
        pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type: "public-key", alg })),
        authenticatorSelection: { userVerification: "required", residentKey: "preferred" },
        excludeCredentials: named(form),
        attestation: "none",
      },
    }),
  );
  if (!made) return;
  send(form, {
    credential_id: text(made.rawId),
    client_data: text(made.response.clientDataJSON),
    attestation: text(made.response.attestationObject),
  });
};

for (const form of document.querySelectorAll("form[data-sign], form[data-enrol]")) {
  form.addEventListener("submit", (event) => {
    const signing = form.dataset.sign && event.submitter && SIGNED.includes(event.submitter.value);
    if (!signing && !form.dataset.enrol) return;
    event.preventDefault();
    if (signing) sign(form, event.submitter.value);
    else enrol(form);
  });
}

for (const left of document.querySelectorAll("[data-left]")) {
  const until = performance.now() + Number(left.dataset.left);
  setInterval(() => {
    const seconds = Math.max(0, Math.floor((until - performance.now()) / 1000));
    left.textContent = `${Math.floor(seconds / 60)} min ${seconds % 60} s left`;
  }, 1000);
}

const problem = document.getElementById("problem");
if (problem) problem.focus();
