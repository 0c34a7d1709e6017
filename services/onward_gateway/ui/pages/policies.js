/** Policies: the rules, and who may do what by them, asked without doing it. */

import { html, useState } from "../vendor.js";
import { post } from "../net/api.js";
import { Failed } from "../parts/notice.js";
import { kinds } from "../state/kinds.js";
import { may } from "../state/session.js";
import { Resources } from "./resources.js";

const ASKED = [["who", "Who", "key:ci"], ["task", "Task", ""], ["queue", "Queue", "default"], ["environment", "Environment", ""], ["agent", "Agent", ""]];

export function PoliciesPage() {
  return html`<${Resources} kind=${kinds.policies} intro=${html`<${DryRun} />`} />`;
}

/** Who may do what: asks all policies that apply, and stores nothing. */
function DryRun() {
  const [found, setFound] = useState(/** @type {any} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const allowed = may("operate");
  const send = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    setFound(null);
    try {
      const input = given(new FormData(/** @type {HTMLFormElement} */ (event.target)));
      setFound(await post("/policies/dry-run", { input }));
      setError(null);
    } catch (refused) {
      setError(refused);
    }
  };
  return html`<details class="dry-run">
    <summary>Who may do what?</summary>
    <form onSubmit=${send}>
      <label>Does <select name="where"><option value="submit">submit an execution</option><option value="step">run a step</option></select></label>
      ${ASKED.map(([name, says, example]) => html`<label>${says} <input name=${name} placeholder=${example} autocomplete="off" /></label>`)}
      <label>Labels <input name="labels" placeholder="tier=gold team=press" autocomplete="off" /></label>
      <label>Input, as JSON <input name="input" placeholder='{"amount": 5}' autocomplete="off" /></label>
      <button class="is-main" disabled=${!allowed} title=${allowed ? undefined : "needs a key of scope operate"}>Ask the policies</button>
    </form>
    <${Failed} error=${error} />
    ${found && html`<${Said} ...${found} />`}
    <p class="muted">Nothing is stored. <code>onward policy test -i '${'{"task": "shell", "who": "key:ci"}'}'</code></p>
  </details>`;
}

/** @param {{denied: boolean, asked: string[], verdicts: {policy: string, rule?: string, message: string, denies: boolean}[]}} props */
function Said({ denied, asked, verdicts }) {
  return html`<div role="status" class=${`notice ${denied ? "is-bad" : ""}`}>
    <p><strong>${denied ? "✕ Denied" : "✓ Allowed"}</strong> <span class="muted">${asked.length ? `by ${asked.join(", ")}` : "no policy is about it"}</span></p>
    <ul>${verdicts.map((one) => html`<li>${one.denies ? "✕ denies" : "⚠ warns"}: <strong>${one.policy}</strong>${one.rule && ` (rule ${one.rule})`}: ${one.message}</li>`)}</ul>
  </div>`;
}

/** What the rules shall see; what is left empty is not said. @param {FormData} form @returns {Record<string, any>} Raises Error. */
function given(form) {
  /** @type {Record<string, any>} */
  const input = {};
  for (const name of ["where", ...ASKED.map(([one]) => one)]) {
    const value = String(form.get(name)).trim();
    if (value) input[name] = value;
  }
  const labels = String(form.get("labels")).split(/\s+/).filter(Boolean).map((one) => one.split("="));
  if (labels.some((one) => one.length < 2)) throw new Error("Labels are name=value, with spaces between them.");
  input.labels = Object.fromEntries(labels.map(([name, ...rest]) => [name, rest.join("=")]));
  const text = String(form.get("input")).trim();
  try {
    if (text) input.input = JSON.parse(text);
  } catch {
    throw new Error("The input is no JSON.");
  }
  return input;
}
