/** The list and the open questions: tables that look again now and then. */

import { html, useState } from "../vendor.js";
import { useAnswer } from "../net/answer.js";
import { Empty, Failed, Loading } from "../parts/notice.js";
import { Question } from "../parts/questions.js";
import { ShortId, Status, Took } from "../parts/status.js";
import { clock, since } from "../state/clock.js";
import { ask, query } from "../state/route.js";

/** What a link may narrow the list by; each is shown, and can be taken away. */
const NARROWED = ["task", "queue", "environment", "agent_id", "team", "worker", "parent", "error", "since", "until", "ended_since", "ended_until", "ended_as", "label"];
const TIMES = ["since", "until", "ended_since", "ended_until"];
const SAYS = new Map([["agent_id", "agent"], ["since", "created from"], ["until", "created before"], ["ended_since", "ended from"], ["ended_until", "ended before"], ["ended_as", "ended as"]]);
const STATUSES = ["pending", "running", "completed", "failed", "cancelled"];

export function ListPage() {
  const given = Object.fromEntries(["status", ...NARROWED, "q"].map((name) => [name, query.value.getAll(name)]));
  const [cursors, setCursors] = useState(/** @type {string[]} */ ([]));
  const { answer, error } = useAnswer("/executions", { ...given, limit: 50, cursor: cursors.at(-1) }, 5);
  return html`<section>
    <h1>Executions</h1>
    <form class="filters" role="search" onSubmit=${(/** @type {SubmitEvent} */ event) => search(event, setCursors)}>
      <select name="status" aria-label="Status">
        <option value="">any status</option>
        ${STATUSES.map((status) => html`<option value=${status} selected=${given.status[0] === status}>${status}</option>`)}
      </select>
      <input name="q" type="search" placeholder="id or part of a task's name" aria-label="Search" defaultValue=${given.q[0] ?? ""} />
      <button>Find</button>
      ${NARROWED.filter((name) => given[name].length).map((name) => html`<button type="button" title="Without this" onClick=${() => (setCursors([]), ask({ [name]: null }))}>${SAYS.get(name) ?? name}: ${given[name].map((one) => (TIMES.includes(name) ? clock(one) : one)).join(", ")} ✕</button>`)}
    </form>
    <${Failed} error=${error} />
    ${!answer && !error && html`<${Loading} />`}
    ${answer?.items.length === 0 && html`<${Empty} title="No execution fits" command="onward execution list" />`}
    ${answer?.items.length > 0 &&
    html`<div class="scroll" role="region" aria-label="Table" tabindex="0"><table>
      <thead><tr><th>Execution</th><th>Task</th><th>Status</th><th>Try</th><th>Queue</th><th>Created</th><th>Took</th><th>Error</th></tr></thead>
      <tbody>
        ${answer.items.map(
          (/** @type {any} */ x) => html`<tr key=${x.id}>
            <td><${ShortId} id=${x.id} /></td><td>${x.task}</td><td><${Status} status=${x.status} reason=${x.reason} /></td>
            <td>${x.attempt}/${x.max_attempts}</td><td>${x.queue}</td><td title=${clock(x.created_at)}>${since(x.created_at)}</td>
            <td><${Took} execution=${x} /></td><td class="error">${x.error ? `${x.error.type}: ${x.error.message}` : ""}</td>
          </tr>`,
        )}
      </tbody>
    </table></div>`}
    <div class="buttons">
      ${cursors.length > 0 && html`<button type="button" onClick=${() => setCursors(cursors.slice(0, -1))}>Newer</button>`}
      ${answer?.next_cursor && html`<button type="button" onClick=${() => setCursors([...cursors, answer.next_cursor])}>Older</button>`}
    </div>
  </section>`;
}

/** @param {SubmitEvent} event @param {(cursors: string[]) => void} setCursors */
function search(event, setCursors) {
  event.preventDefault();
  const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
  setCursors([]);
  ask({ status: String(form.get("status")) || null, q: String(form.get("q")) || null });
}

const ASKED = { open: "Open", answered: "Answered", expired: "Not in time", withdrawn: "Not asked any more" };

export function NeedsYouPage() {
  const status = query.value.get("status") ?? "open";
  const to = query.value.get("to") ?? "";
  const { answer, error } = useAnswer("/questions", { status, to, limit: 100 }, 2);
  return html`<section>
    <h1>Needs you</h1>
    <form class="filters" role="search" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
      <select aria-label="Questions" value=${status} onChange=${(/** @type {any} */ event) => ask({ status: event.target.value === "open" ? null : event.target.value })}>
        ${Object.entries(ASKED).map(([name, title]) => html`<option value=${name} selected=${name === status}>${title}</option>`)}
      </select>
      <input name="to" placeholder="of whom: ann, team:ops" aria-label="Of whom" defaultValue=${to} onChange=${(/** @type {any} */ event) => ask({ to: event.target.value.trim() || null })} />
    </form>
    <${Failed} error=${error} />
    ${answer?.items.length === 0 && html`<${Empty} title=${status === "open" ? "Nobody asks anything" : "There is none"} command=${status === "open" ? "answer = await ask('Go on?', choices=['yes', 'no'])" : `onward question list --status ${status}`} />`}
    ${answer?.items.map(
      (/** @type {any} */ question) => html`<article class="asked" key=${question.execution_id + question.question_id}>
        <p><strong>${question.task}</strong> <${ShortId} id=${question.execution_id} /></p>
        <${Question} question=${question} executionId=${question.execution_id} />
      </article>`,
    )}
  </section>`;
}
