/** Errors: failures that are the same one, with how often, since when and in which versions; opened, followed and retried. */

import { html, useState } from "../vendor.js";
import { asked } from "../net/api.js";
import { useAnswer } from "../net/answer.js";
import { Chart, Counted } from "../parts/chart.js";
import { Empty, Failed, Loading } from "../parts/notice.js";
import { begin, Operation } from "../parts/operation.js";
import { Narrow, Period } from "../parts/period.js";
import { ShortId, Status } from "../parts/status.js";
import { endedIn, listOf, timeOf } from "../state/analysis.js";
import { clock, since } from "../state/clock.js";
import { ask, query } from "../state/route.js";
import { may } from "../state/session.js";

const NARROWED = ["task", "queue", "version"];
const HEAD = ["Error", "Times", "First seen", "Last seen", "Tasks", "Versions", "Newest"];

export function ErrorsPage() {
  const time = timeOf("7d");
  const narrowed = Object.fromEntries(NARROWED.map((name) => [name, query.value.get(name)]));
  const given = { ...narrowed, since: time.since, until: time.until, limit: 100 };
  const { answer, error } = useAnswer("/error-groups", given, 10);
  return html`<section class="analytics">
    <h1>Errors</h1>
    <form class="filters" role="search" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}><${Period} usual="7d" time=${time} /><${Narrow} names=${NARROWED} /></form>
    <${Failed} error=${error} />
    ${!answer && !error && html`<${Loading} />`}
    ${answer?.items.length === 0 && html`<${Empty} title="Nothing failed in this time" command="onward errors list" />`}
    ${answer?.items.length > 0 && html`<div class="scroll" role="region" aria-label="Errors" tabindex="0"><table>
      <thead><tr>${HEAD.map((one) => html`<th>${one}</th>`)}</tr></thead>
      <tbody>${answer.items.map((/** @type {any} */ group) => html`<${Row} group=${group} time=${time} narrowed=${narrowed} key=${group.fingerprint} />`)}</tbody>
    </table></div>`}
    <p class="exports">Export: ${["csv", "json"].map((format) => html`<a href=${`/api/v1/error-groups${asked({ ...given, format })}`} download=${`errors.${format}`}>errors ${format.toUpperCase()}</a> `)}<code class="muted">onward errors list</code></p>
  </section>`;
}

/** @param {{group: any, time: any, narrowed: Record<string, string | null>}} props */
function Row({ group, time, narrowed }) {
  const isOpen = query.value.get("open") === group.fingerprint;
  const isNew = Date.parse(group.first_seen) >= Date.parse(time.since);
  return html`<tr>
      <td class="error"><button type="button" class="is-quiet is-small" aria-expanded=${isOpen} onClick=${() => ask({ open: isOpen ? null : group.fingerprint })}>${isOpen ? "▾" : "▸"} ${group.type}</button> ${group.message}</td>
      <td><${Counted} text=${group.count.toLocaleString()} to=${endedIn(time, { error: group.fingerprint, task: narrowed.task, queue: narrowed.queue }, "failed")} /> <span class="muted">of ${group.total.toLocaleString()} ever</span></td>
      <td title=${clock(group.first_seen)}>${since(group.first_seen)} ${isNew && html`<span class="badge is-needs-you">new</span>`}</td><td title=${clock(group.last_seen)}>${since(group.last_seen)}</td>
      <td>${group.tasks.join(", ")}</td><td>${group.versions.join(", ") || "–"}</td><td><${ShortId} id=${group.execution_id} /></td>
    </tr>
    ${isOpen && html`<tr><td colspan=${HEAD.length}><${Group} group=${group} time=${time} narrowed=${narrowed} /></td></tr>`}`;
}

/** @param {{group: any, time: any, narrowed: Record<string, string | null>}} props */
function Group({ group, time, narrowed }) {
  const [operation, follow] = useState(/** @type {string | null} */ (null));
  const one = useAnswer(`/error-groups/${encodeURIComponent(group.fingerprint)}`, { since: time.since, until: time.until }, 5);
  const some = useAnswer("/executions", { error: group.fingerprint, limit: 10 }, 5);
  const filter = Object.fromEntries(Object.entries({ error: group.fingerprint, status: "failed", task: narrowed.task, queue: narrowed.queue }).filter(([, value]) => value));
  const trend = (one.answer?.trend ?? []).map((/** @type {any} */ part, /** @type {number} */ at, /** @type {any[]} */ all) => ({ ...part, until: all[at + 1]?.since ?? one.answer.until }));
  const failures = { name: "failures", mark: "is-hatched", of: (/** @type {any} */ part) => part.count };
  const listed = (/** @type {any} */ part) => endedIn(part, { error: group.fingerprint }, "failed");
  return html`<div class="below">
    <${Failed} error=${one.error ?? some.error} />
    <div>
      ${trend.length > 0 && html`<${Chart} title="How it went" kind="bars" items=${trend} series=${[failures]} show=${String} list=${listed} />`}
      <div class="buttons">
        <button type="button" class="is-main" disabled=${!may("operate") || !one.answer?.open} onClick=${() => begin({ action: "retry", filter }, "Retry", follow)}>Retry all that stand as failed</button>
        <a class="button" href=${listOf({ ...filter })}>${one.answer?.open ?? "–"} stand as failed</a>
      </div>
      ${operation && html`<${Operation} id=${operation} label="Retry" key=${operation} />`}
    </div>
    <div>
      <h3>Executions that failed so, newest first</h3>
      <table><tbody>${(some.answer?.items ?? []).map((/** @type {any} */ x) => html`<tr key=${x.id}><td><${ShortId} id=${x.id} /></td><td>${x.task}</td><td><${Status} status=${x.status} reason=${x.reason} /></td><td title=${clock(x.created_at)}>${since(x.created_at)}</td></tr>`)}</tbody></table>
    </div>
  </div>`;
}
