// Whose a name is: a password makes it one's own, and is changed or given up here.

import { NOT_PRIVATE, isPrivateWay } from "./way.js";

const byId = (id) => document.getElementById(id);

export function wireAccount(session) {
  byId("account").addEventListener("submit", (event) => {
    event.preventDefault();
    if (session.me.account) change(session);
    else register(session);
  });
  byId("unregister").addEventListener("click", () => giveUp(session));
}

/** Opens the settings where a password is asked for: not in the line for messages, where others look over a shoulder. */
export function openAccount(session) {
  byId("open-settings").click();
  byId(session.me.account ? "old-password" : "new-password").focus();
}

/** Shows what can be done about the name that one has now. */
export function showAccount(session, words = "") {
  const owned = Boolean(session.me?.account);
  // An account keeps its name.
  byId("rename").hidden = owned;
  byId("account-title").textContent = owned ? "This name is yours" : "Make this name yours";
  byId("account-hint").textContent = hint(owned);
  byId("account-fields").hidden = !isPrivateWay;
  byId("ask-old").hidden = !owned;
  byId("new-password-label").textContent = owned ? "New password" : "Password";
  byId("set-password").textContent = owned ? "Change" : "Set";
  byId("unregister").hidden = !owned;
  byId("old-password").value = "";
  byId("new-password").value = "";
  tell(words, "done");
}

function tell(words, how = "") {
  byId("account-words").className = how;
  byId("account-words").textContent = words;
}

function hint(owned) {
  if (!isPrivateWay) return NOT_PRIVATE;
  if (owned) return "Nobody can take it without its password. A new password closes your other sessions.";
  return "With a password, of 8 to 128 characters, nobody else can take it, and you have it on every device.";
}

async function attempt(session, action, done) {
  try {
    await action();
    showAccount(session, done);
  } catch (error) {
    tell(error.message);
  }
}

const register = (session) =>
  attempt(session, () => session.register(byId("new-password").value), "The name is yours now.");

const change = (session) =>
  attempt(session, () => session.changePassword(byId("old-password").value, byId("new-password").value), "The password is changed.");

async function giveUp(session) {
  const { value: password } = byId("old-password");
  if (!password) {
    tell("Write your password above first: from then on anybody can take the name.");
    byId("old-password").focus();
    return;
  }
  await attempt(session, () => session.unregister(password), "The name is anybody's again.");
}
