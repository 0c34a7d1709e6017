/** API keys: who may do what, until when; the key itself is shown once. */

import { html, useState } from "../vendor.js";
import { useItems } from "../net/answer.js";
import { More } from "../parts/more.js";
import { call, post } from "../net/api.js";
import { askFor } from "../parts/dialog.js";
import { Failed, Loading, tell } from "../parts/notice.js";
import { showOnce } from "../parts/once.js";
import { clock, since } from "../state/clock.js";
import { may } from "../state/session.js";

const SCOPES = [["read", "look at everything"], ["submit", "and submit, cancel and answer"], ["operate", "and set queues, schedules, limits…"], ["admin", "and make keys and policies"]];

export function KeysPage() {
  const [round, again] = useState(0);
  const { items, error, showMore } = useItems("/api-keys", {}, "id", 10, round);
  const done = () => again(round + 1);
  const allowed = may("admin");
  return html`<section>
    <h1>Keys</h1>
    <div class="buttons"><button type="button" class="is-main" disabled=${!allowed} title=${allowed ? undefined : "needs a key of scope admin"} onClick=${() => askToMake(done)}>New key</button></div>
    <${Failed} error=${error} />
    ${!items && !error && html`<${Loading} />`}
    ${items && html`<div class="scroll" role="region" aria-label="Table" tabindex="0"><table>
      <thead><tr><th>Name</th><th>May</th><th>State</th><th>Made</th><th>Ends</th><th><span class="unseen">What can be done</span></th></tr></thead>
      <tbody>${items.map((/** @type {any} */ key) => html`<tr key=${key.id}>
        <td>${key.name} <code class="muted">${key.id}</code></td><td>${key.scope}</td>
        <td><span class=${`status is-${key.status === "open" ? "completed" : "cancelled"}`}>${key.status === "open" ? "✓" : "⊘"} ${key.status}</span></td>
        <td title=${clock(key.created_at)}>${since(key.created_at)} by ${key.created_by ?? "–"}</td><td>${key.expires_at ? clock(key.expires_at) : "never"}</td>
        <td class="acts">${key.status === "open" && html`
          <button type="button" class="is-small" disabled=${!allowed} aria-label=${`Rotate ${key.name}`} onClick=${() => askToRotate(key, done)}>Rotate</button>
          <button type="button" class="is-small is-danger" disabled=${!allowed} aria-label=${`Revoke ${key.name}`} onClick=${() => askToRevoke(key, done)}>Revoke</button>`}</td>
      </tr>`)}</tbody>
    </table></div>`}
    <${More} shown=${items?.length} showMore=${showMore} />
    <p class="muted"><code>onward key create NAME --scope read</code></p>
  </section>`;
}

/** @param {() => void} done */
function askToMake(done) {
  askFor({
    title: "New key",
    body: html`<label>Name<input name="name" required maxlength="64" autocomplete="off" /></label>
      <label>May<select name="scope">${SCOPES.map(([scope, words]) => html`<option value=${scope} selected=${scope === "submit"}>${scope}: ${words}</option>`)}</select></label>
      <label>Ends (empty: never)<input name="expires_at" type="datetime-local" /></label>`,
    confirm: "Make it",
    onConfirm: async (form) => {
      const ends = form.get("expires_at");
      const made = await post("/api-keys", { name: form.get("name"), scope: form.get("scope"), expires_at: ends ? new Date(String(ends)).toISOString() : null });
      done();
      showOnce(`The key ${made.name}`, made.key);
    },
  });
}

/** @param {any} key @param {() => void} done */
function askToRotate(key, done) {
  askFor({
    title: `Rotate ${key.name}?`,
    body: html`<label>The old one goes on for so many seconds<input name="grace" type="number" min="0" max="86400" value="3600" /></label><code class="muted">onward key rotate ${key.id}</code>`,
    confirm: "Rotate",
    onConfirm: async (form) => {
      const made = await post(`/api-keys/${key.id}/rotate`, { grace: Number(form.get("grace")) });
      done();
      showOnce(`The new key ${made.name}`, made.key);
    },
  });
}

/** @param {any} key @param {() => void} done */
function askToRevoke(key, done) {
  askFor({
    title: `Revoke ${key.name}?`,
    body: html`<p>Whoever uses it is refused within seconds.</p><code class="muted">onward key revoke ${key.id}</code>`,
    confirm: "Revoke",
    danger: true,
    onConfirm: async () => {
      await call("DELETE", `/api-keys/${key.id}`);
      tell(`${key.name} is revoked`);
      done();
    },
  });
}
