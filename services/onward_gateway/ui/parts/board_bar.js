/** Above the board: filters as chips and one line, saved views, and by what it is put into lanes. */

import { html, signal, useEffect, useState } from "../vendor.js";
import { call, get } from "../net/api.js";
import { add, filters, listed, NAMES, read, remove, use } from "../state/filters.js";
import { ask } from "../state/route.js";
import { may } from "../state/session.js";
import { askFor } from "./dialog.js";
import { tell } from "./notice.js";
import { BY, lanesBy } from "./swim_lanes.js";

/** @typedef {import("../types.js").SavedView} SavedView */

/** @type {import("../vendor.js").Signal<SavedView[]>} */
const views = signal([]);

export function BoardBar() {
  useEffect(() => void look(), []);
  return html`<div class="board-bar">
    <form class="filters" role="search" onSubmit=${entered}>
      ${filters.value.map(
        (one) => html`<button type="button" class="chip" onClick=${() => remove(one)} aria-label=${`take ${one.name} ${one.value} away`}>
          ${one.not ? "-" : ""}${one.name}:${one.value} <span aria-hidden="true">×</span>
        </button>`,
      )}
      <input name="filter" id="filter" list="filter-names" placeholder="filter: task:invoice -label:test=1 queue:pdf" aria-label="Filter" autocomplete="off" />
      <datalist id="filter-names">${NAMES.map((name) => html`<option value=${`${name}:`}></option>`)}</datalist>
    </form>
    <${Views} />
    <${Lanes} />
    ${may("submit") && html`<a class="button" href="/tasks">Run a task</a>`}
  </div>`;
}

/** @param {SubmitEvent} event */
function entered(event) {
  event.preventDefault();
  const form = /** @type {HTMLFormElement} */ (event.target);
  add(read(String(new FormData(form).get("filter"))));
  form.reset();
}

function Views() {
  const now = JSON.stringify(listed());
  const current = views.value.find((view) => JSON.stringify(view.filters) === now)?.name ?? "";
  return html`<select aria-label="Saved view" value=${current} onChange=${(/** @type {any} */ event) => chosen(event.target.value)}>
      <option value="">${views.value.length ? "View …" : "No saved view"}</option>
      ${views.value.map((view) => html`<option value=${view.name}>${view.title ?? view.name}</option>`)}
    </select>
    ${may("operate") &&
    html`<button type="button" onClick=${save} disabled=${filters.value.length === 0}>☆ Save view</button>`}
    ${may("operate") && current && html`<button type="button" class="is-quiet" onClick=${() => forget(current)} aria-label="Delete this view">×</button>`}`;
}

/** @param {string} name */
function chosen(name) {
  use(views.peek().find((view) => view.name === name)?.filters ?? {});
}

async function look() {
  try {
    views.value = (await get("/saved-views", { limit: 200 })).items;
  } catch {
    views.value = [];
  }
}

export function save() {
  const saved = listed();
  if (saved === null) return tell("A view holds one value of each filter, several labels, and nothing that is denied or only text", true);
  askFor({
    title: "Save these filters as a view",
    body: html`<p class="muted">Everybody of the project sees it.</p><label>Name <input name="name" required pattern="[a-z0-9][a-z0-9_.\\-]*" maxlength="64" autofocus /></label>`,
    confirm: "Save it",
    onConfirm: async (form) => {
      await call("POST", "/saved-views", { name: String(form.get("name")), filters: saved });
      await look();
    },
  });
}

/** @param {string} name */
function forget(name) {
  askFor({
    title: `Delete the view ${name}?`,
    body: html`<p class="muted">Nobody has it then; executions stay as they are.</p>`,
    confirm: "Delete it",
    danger: true,
    onConfirm: async () => {
      await call("DELETE", `/saved-views/${name}`);
      await look();
    },
  });
}

function Lanes() {
  const by = lanesBy.value;
  const [labels, setLabels] = useState(by.startsWith("label:"));
  return html`<select aria-label="Lanes" value=${labels ? "label" : by} onChange=${(/** @type {any} */ event) => {
      setLabels(event.target.value === "label");
      if (event.target.value !== "label") ask({ lanes: event.target.value });
    }}>
      <option value="">no lanes</option>
      ${BY.map((name) => html`<option value=${name}>by ${name.replace("_id", "")}</option>`)}
      <option value="label">by label …</option>
    </select>
    ${labels &&
    html`<input aria-label="Label of the lanes" placeholder="customer" defaultValue=${by.slice(6)} onChange=${(/** @type {any} */ event) => ask({ lanes: event.target.value ? `label:${event.target.value.trim()}` : null })} />`}`;
}
