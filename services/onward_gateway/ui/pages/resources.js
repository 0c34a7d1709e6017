/** The pages of all kinds of resources: a table, the editor, and what is special about a kind below a row. */

import { html, useState } from "../vendor.js";
import { act, change, remove } from "../net/resources.js";
import { useItems } from "../net/answer.js";
import { askFor } from "../parts/dialog.js";
import { showOnce } from "../parts/once.js";
import { More } from "../parts/more.js";
import { Empty, Failed, Loading, tell } from "../parts/notice.js";
import { ResourceEditor } from "../parts/resource_editor.js";
import { ask, query } from "../state/route.js";
import { may } from "../state/session.js";
import { kinds } from "../state/kinds.js";

/** @param {string} plural the component of a kind's page, for `lazy` */
const page = (plural) => () => html`<${Resources} kind=${kinds[plural]} key=${plural} />`;

export const QueuesPage = page("queues");
export const AgentsPage = page("agents");
export const TeamsPage = page("teams");
export const EnvironmentsPage = page("environments");
export const DraftsPage = page("drafts");
export const LimitsPage = page("limits");
export const QuotasPage = page("quotas");
export const SavedViewsPage = page("saved-views");
export const WebhooksPage = page("webhooks");

/** @param {{kind: import("../state/kinds.js").Kind, extra?: any, below?: any, intro?: any}} props `extra` stands in the editor, `below` under an opened row */
export function Resources({ kind, extra, below: Below, intro }) {
  const [round, again] = useState(0);
  const [editing, edit] = useState(/** @type {{name: string | null} | null} */ (null));
  const [opened, open] = useState(/** @type {string | null} */ (null));
  const q = query.value.get("q") ?? "";
  const { items, error, showMore } = useItems(`/${kind.plural}`, { q }, "name", 5, round);
  const allowed = may(kind.scope ?? "operate");
  const done = () => (edit(null), again(round + 1));
  return html`<section>
    <h1>${kind.title}</h1>
    ${intro}
    ${editing
      ? html`<${ResourceEditor} kind=${kind} name=${editing.name} extra=${extra} onDone=${done} />`
      : html`<div class="buttons">
          <button type="button" class="is-main" disabled=${!allowed} title=${allowed ? undefined : `needs a key of scope ${kind.scope ?? "operate"}`} onClick=${() => edit({ name: null })}>New ${kind.one}</button>
          ${(q || (items ?? []).length > 0) && html`<input type="search" placeholder="part of a name" aria-label="Find by name" value=${q} onInput=${(/** @type {any} */ event) => ask({ q: event.target.value })} />`}
        </div>`}
    <${Failed} error=${error} />
    ${!items && !error && html`<${Loading} />`}
    ${items?.length === 0 && (q ? html`<${Empty} title=${`No ${kind.one} has “${q}” in its name`} command=${`onward ${kind.command} list`} />` : html`<${Empty} title=${kind.none} command=${kind.teaches} />`)}
    ${items && items.length > 0 &&
    html`<div class="scroll" role="region" aria-label="Table" tabindex="0"><table>
      <thead><tr><th>Name</th>${kind.columns.map(([head]) => html`<th>${head}</th>`)}<th>Changed</th><th><span class="unseen">What can be done</span></th></tr></thead>
      <tbody>
        ${items.map((/** @type {any} */ item) => html`<${Row} ...${{ kind, item, allowed, opened, open, edit, done, Below }} key=${item.name} />`)}
      </tbody>
    </table></div>`}
    <${More} shown=${items?.length} showMore=${showMore} />
    <p class="muted"><code>onward ${kind.command} list</code></p>
  </section>`;
}

/** @param {any} props */
function Row({ kind, item, allowed, opened, open, edit, done, Below }) {
  const isOpen = opened === item.name;
  return html`<tr id=${item.name}>
      <td>${Below ? html`<button type="button" class="is-quiet is-small" aria-expanded=${isOpen} onClick=${() => open(isOpen ? null : item.name)}>${isOpen ? "▾" : "▸"} ${item.name}</button>` : item.name}</td>
      ${kind.columns.map((/** @type {[string, (item: any) => any]} */ [, show]) => html`<td>${show(item)}</td>`)}
      <td class="muted">${kind.changed(item)}</td>
      <td class="acts">
        ${(kind.acts ?? []).filter((/** @type {any} */ one) => !one.when || one.when(item)).map(
          (/** @type {any} */ one) => html`<button type="button" class="is-small" disabled=${!allowed} onClick=${() => perform(kind, item, one, done)}>${one.says}</button>`,
        )}
        <button type="button" class="is-small" disabled=${!allowed} aria-label=${`Edit ${item.name}`} onClick=${() => edit({ name: item.name })}>Edit</button>
        <button type="button" class="is-small is-danger" disabled=${!allowed} aria-label=${`Delete ${item.name}`} onClick=${() => askToRemove(kind, item, done)}>Delete</button>
      </td>
    </tr>
    ${isOpen && html`<tr><td colspan=${kind.columns.length + 3}><${Below} item=${item} /></td></tr>`}`;
}

/** @param {any} kind @param {any} item @param {{says: string, does: string, verb?: string, asks?: string, body?: any, member?: string, merge?: (said: string | null) => any}} one @param {() => void} done */
function perform(kind, item, one, done) {
  const send = async (/** @type {FormData} */ form) => {
    const said = /** @type {string | null} */ (form.get("said")) || null;
    const answer = one.merge ? await change(kind.plural, item.name, one.merge(said)) : await act(kind.plural, item.name, one.does, one.member ? { [one.member]: said } : one.body);
    tell(`${item.name}: ${one.says.toLowerCase()} is done`);
    done();
    if (answer?.secret) showOnce(`The secret of ${item.name}`, answer.secret);
  };
  askFor({
    title: `${one.says}: ${item.name}?`,
    body: html`${one.asks && html`<label>${one.asks}<input name="said" autocomplete="off" /></label>`}<code class="muted">onward ${kind.command} ${one.verb ?? one.does} ${item.name}</code>`,
    confirm: one.says,
    onConfirm: send,
  });
}

/** @param {any} kind @param {any} item @param {() => void} done */
function askToRemove(kind, item, done) {
  askFor({
    title: `Delete ${item.name}?`,
    body: html`<label>Write its name to delete it<input name="name" autocomplete="off" required /></label><code class="muted">onward ${kind.command} delete ${item.name}</code>`,
    confirm: "Delete",
    danger: true,
    onConfirm: async (form) => {
      if (form.get("name") !== item.name) throw new Error(`That is not ${item.name}.`);
      await remove(kind.plural, item.name);
      tell(`${item.name} is deleted`);
      done();
    },
  });
}
