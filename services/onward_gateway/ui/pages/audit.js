/** The audit: who did or was refused what, what it was before and after, and whether the record is whole. */

import { html, useState } from "../vendor.js";
import { useAnswer } from "../net/answer.js";
import { asked, get } from "../net/api.js";
import { Empty, Failed, Loading } from "../parts/notice.js";
import { clock } from "../state/clock.js";
import { ask, query } from "../state/route.js";

const FILTERS = ["source", "actor", "action", "kind", "name"];

export function AuditPage() {
  const given = Object.fromEntries(FILTERS.map((name) => [name, query.value.get(name) ?? ""]));
  const [cursors, setCursors] = useState(/** @type {string[]} */ ([]));
  const { answer, error } = useAnswer("/audit", { ...given, limit: 50, cursor: cursors.at(-1) }, 5, cursors.length);
  return html`<section>
    <h1>Audit</h1>
    <${Verify} />
    <form class="filters" role="search" onSubmit=${(/** @type {SubmitEvent} */ event) => search(event, () => setCursors([]))}>
      <select name="source" aria-label="Source"><option value="">all of it</option>${["resource", "execution", "refusal"].map((one) => html`<option value=${one} selected=${given.source === one}>${one}s</option>`)}</select>
      ${FILTERS.slice(1).map((name) => html`<input name=${name} aria-label=${name} placeholder=${name} defaultValue=${given[name]} />`)}
      <button>Find</button>
    </form>
    <${Failed} error=${error} />
    ${!answer && !error && html`<${Loading} />`}
    ${answer?.items.length === 0 && html`<${Empty} title="Nothing of that kind is recorded" command="onward audit list" />`}
    ${answer?.items.length > 0 &&
    html`<div class="scroll" role="region" aria-label="Table" tabindex="0"><table>
      <thead><tr><th>When</th><th>Who</th><th>Did</th><th>To</th><th>Before and after</th></tr></thead>
      <tbody>${answer.items.map((/** @type {any} */ entry) => html`<tr key=${entry.source + entry.n}>
        <td>${clock(entry.at)}</td><td>${entry.actor ?? "–"}</td><td>${entry.source === "refusal" ? "⊘ refused: " : ""}${entry.action}</td>
        <td>${entry.kind} <code>${entry.name}</code></td><td><${Changes} before=${entry.before} after=${entry.after} /></td>
      </tr>`)}</tbody>
    </table></div>`}
    <div class="buttons">
      ${cursors.length > 0 && html`<button type="button" onClick=${() => setCursors(cursors.slice(0, -1))}>Newer</button>`}
      ${answer?.next_cursor && html`<button type="button" onClick=${() => setCursors([...cursors, answer.next_cursor])}>Older</button>`}
    </div>
    <p class="exports">Export all that fits: ${["csv", "ndjson"].map((format) => html`<a href=${`/api/v1/audit/export${asked({ ...given, format })}`} download=${`audit.${format}`}>audit ${format.toUpperCase()}</a> `)}<code class="muted">onward audit export</code></p>
  </section>`;
}

/** @param {SubmitEvent} event @param {() => void} fromTheNewest */
function search(event, fromTheNewest) {
  event.preventDefault();
  const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
  fromTheNewest();
  ask(Object.fromEntries(FILTERS.map((name) => [name, String(form.get(name) ?? "") || null])));
}

function Verify() {
  const [found, setFound] = useState(/** @type {any} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  return html`<div class="buttons">
      <button type="button" onClick=${() => get("/audit/verify").then((value) => (setFound(value), setError(null)), setError)}>Verify the record</button>
      <code class="muted">onward audit verify</code>
    </div>
    <${Failed} error=${error} />
    ${found && html`<p role="status" class=${`notice ${found.sound ? "" : "is-bad"}`}>
      ${found.sound ? "✓ Nothing was changed, removed or put in between: " : "✕ The record was tampered with: "}
      ${found.chains.map((/** @type {any} */ one) => `${one.entries} ${one.source}s${one.why ? ` (${one.why})` : ""}`).join(", ")}
    </p>`}`;
}

/** Member by member, what was and what is. @param {{before: any, after: any}} props */
function Changes({ before, after }) {
  if (!isObject(before) && !isObject(after)) return html`<code>${said(after ?? before)}</code>`;
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const changed = names.filter((name) => JSON.stringify(before?.[name]) !== JSON.stringify(after?.[name]));
  return html`<ul class="changes">${changed.map((name) => html`<li key=${name}>
    <strong>${name}</strong> ${before?.[name] !== undefined && html`<del>${said(before[name])}</del>`} ${after?.[name] !== undefined && html`<ins>${said(after[name])}</ins>`}
  </li>`)}</ul>`;
}

/** @param {any} value */
function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** @param {any} value */
function said(value) {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text === undefined ? "" : text.length > 200 ? `${text.slice(0, 200)}…` : text;
}
