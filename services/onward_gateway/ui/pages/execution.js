/** One execution: what it is, what it waits for or why it failed, where the time went, and its log. */

import { html, useEffect, useMemo, useState } from "../vendor.js";
import { get } from "../net/api.js";
import { subscribe } from "../net/live.js";
import { AgentSnapshot } from "../parts/agent_snapshot.js";
import { Attempts } from "../parts/attempts.js";
import { runText } from "../parts/cli_text.js";
import { commandsFor, perform } from "../parts/commands.js";
import { Graph } from "../parts/graph.js";
import { Logs } from "../parts/logs.js";
import { Failed, Loading, tell } from "../parts/notice.js";
import { Question } from "../parts/questions.js";
import { Progress, ShortId, Status, Took } from "../parts/status.js";
import { Steps } from "../parts/steps.js";
import { Timeline } from "../parts/timeline.js";
import { Value } from "../parts/value.js";
import { clock } from "../state/clock.js";
import { MOST, NONE, readOn } from "../state/events.js";
import { ask, hash, query } from "../state/route.js";

const TABS = ["timeline", "steps", "graph", "attempts", "data", "events", "tree"];

/** @param {{id: string}} props */
export function ExecutionPage({ id }) {
  const [execution, setExecution] = useState(/** @type {any} */ (null));
  const [known, setKnown] = useState(NONE);
  const [most, setMost] = useState(MOST);
  const events = useMemo(() => [...known.before, ...known.last], [known]);
  const [why, setWhy] = useState(/** @type {any} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));

  useEffect(() => {
    setExecution(null);
    setKnown(NONE);
    setMost(MOST);
    get(`/executions/${id}`).then(setExecution, setError);
    return subscribe(
      () => ({ channel: "execution", execution_id: id }),
      (message) => message.type === "execution" && setExecution(message.execution),
    );
  }, [id]);

  const version = execution?.version;
  useEffect(() => {
    if (version === undefined) return;
    let gone = false;
    readOn(id, execution.id === id ? known : NONE, most).then((read) => gone || setKnown(read), setError);
    get(`/executions/${id}/explain`).then((told) => gone || setWhy(told), () => setWhy(null));
    return () => void (gone = true);
  }, [id, version, most]);

  if (!execution) return error ? html`<${Failed} error=${error} />` : html`<${Loading} />`;
  const tab = TABS.includes(query.value.get("tab") ?? "") ? query.value.get("tab") : TABS[0];
  const line = /^L(\d+)$/.exec(hash.value)?.[1];
  return html`<article class="execution">
    <${Head} execution=${execution} />
    <${Cause} execution=${execution} why=${why} />
    ${execution.waiting_on
      .filter((/** @type {any} */ wait) => wait.kind === "question")
      .map((/** @type {any} */ wait) => html`<${Question} question=${wait} executionId=${id} />`)}
    <nav class="tabs" aria-label="Parts">
      ${TABS.map((name) => html`<button type="button" aria-pressed=${tab === name} onClick=${() => ask({ tab: name })}>${name}</button>`)}
    </nav>
    ${known.more &&
    html`<p class="notice">
      These are the first ${events.length.toLocaleString()} events: what came later is not in the timeline, the attempts and the events.
      <button type="button" onClick=${() => setMost(most + MOST)}>Read on</button>
    </p>`}
    ${tab === "timeline" && html`<${Timeline} events=${events} execution=${execution} />`}
    ${tab === "steps" && html`<${Steps} events=${events} execution=${execution} />`} ${tab === "graph" && html`<${Graph} events=${events} />`}
    ${tab === "attempts" && html`<${Attempts} events=${events} />`}
    ${tab === "data" && html`<${Data} execution=${execution} agent=${events[0]?.agent} />`} ${tab === "events" && html`<${Events} events=${events} />`}
    ${tab === "tree" && html`<${Tree} execution=${execution} />`}
    <${Logs} executionId=${id} line=${line ? Number(line) : null} failed=${execution.status === "failed"} />
  </article>`;
}

/** @param {{execution: any}} props */
function Head({ execution: x }) {
  return html`<header class="head">
    <h1>${x.task} <span class="id" title=${x.id}>${x.id}</span></h1>
    <p>
      <${Status} status=${x.status} reason=${x.reason} /> <${Took} execution=${x} /> · attempt ${x.attempt} of ${x.max_attempts} ·
      queue <a href=${`/queues#${x.queue}`}>${x.queue}</a>${x.worker_id && html` · worker <a href=${`/workers#${x.worker_id}`}>${x.worker_id}</a>`} ·
      created ${clock(x.created_at)}${x.submitted_by && ` by ${x.submitted_by}`}
      ${x.parent_id && html` · parent <${ShortId} id=${x.parent_id} />`}${x.retried_from && html` · rerun of <${ShortId} id=${x.retried_from} />`}
    </p>
    <${Progress} progress=${x.progress} />
    <p class="labels">${Object.entries(x.labels).map(([name, value]) => html`<span class="label">${name}=${value}</span>`)}</p>
    <div class="buttons">
      ${commandsFor(x).map(
        (command) => html`<button type="button" class=${command.danger ? "is-danger" : ""} onClick=${() => perform(command, x)}>${command.label}</button>`,
      )}
      <button type="button" class="is-quiet" onClick=${() => navigator.clipboard.writeText(runText(x)).then(() => tell("The command is copied"))}>Copy as CLI</button>
    </div>
  </header>`;
}

/** Why it failed, or why it does not run. @param {{execution: any, why: any}} props */
function Cause({ execution, why }) {
  if (execution.error && execution.status !== "completed") {
    const { type, message, stack } = execution.error;
    return html`<section class="notice is-bad" aria-label="Error">
      <strong>${type}</strong>: ${message}
      ${stack && html`<details><summary>Stack</summary><pre tabindex="0">${stack}</pre></details>`}
    </section>`;
  }
  const causes = why?.causes ?? [];
  if (causes.length === 0 || execution.reason === "executing" || execution.status === "completed") return null;
  return html`<section class="notice" aria-label="Why">
    ${causes.map((/** @type {any} */ cause) => html`<p><strong>${cause.text}</strong>${cause.fix && html` <span class="muted">${cause.fix}</span>`}</p>`)}
  </section>`;
}

/** @param {{execution: any, agent: any}} props */
function Data({ execution, agent }) {
  return html`<div class="data">
    ${agent && html`<${AgentSnapshot} agent=${agent} />`}
    <${Value} title="Input" value=${execution.input} />
    ${execution.output !== null && html`<${Value} title="Output" value=${execution.output} />`}
  </div>`;
}

/** @param {{events: any[]}} props */
function Events({ events }) {
  const known = new Set(["type", "id", "n", "at", "actor", "project", "execution_id", "routes", "wake", "trace"]);
  return html`<div class="scroll" role="region" aria-label="Events" tabindex="0"><table class="events">
    <thead><tr><th>#</th><th>When</th><th>What</th><th>Who</th><th>More</th></tr></thead>
    <tbody>
      ${events.map(
        (event) => html`<tr key=${event.n}>
          <td>${event.n}</td><td>${clock(event.at)}</td><td>${event.type.replaceAll("_", " ")}</td><td>${event.actor ?? ""}</td>
          <td><code>${JSON.stringify(Object.fromEntries(Object.entries(event).filter(([name]) => !known.has(name)))).slice(0, 300)}</code></td>
        </tr>`,
      )}
    </tbody>
  </table></div>`;
}

/** Parent and children, a level each; what it repeats, and what repeats it. @param {{execution: any}} props */
function Tree({ execution }) {
  const [children, setChildren] = useState(/** @type {any[]} */ ([]));
  const [reruns, setReruns] = useState(/** @type {any[]} */ ([]));
  useEffect(() => {
    get("/executions", { parent: execution.id, limit: 100 }).then((page) => setChildren(page.items), () => setChildren([]));
    get("/executions", { retried_from: execution.id, limit: 100 }).then((page) => setReruns(page.items), () => setReruns([]));
  }, [execution.id, execution.version]);
  return html`<ul class="tree">
    ${execution.parent_id && html`<li>parent <${ShortId} id=${execution.parent_id} /></li>`}
    <li>
      <strong>${execution.task}</strong> <${Status} status=${execution.status} reason=${execution.reason} />
      <ul>
        ${children.map((child) => html`<li key=${child.id}>${child.task} <${ShortId} id=${child.id} /> <${Status} status=${child.status} reason=${child.reason} /></li>`)}
      </ul>
    </li>
    ${execution.retried_from && html`<li>rerun of <${ShortId} id=${execution.retried_from} /></li>`}
    ${reruns.map((one) => html`<li key=${one.id}>run again as <${ShortId} id=${one.id} /> <${Status} status=${one.status} reason=${one.reason} /></li>`)}
  </ul>`;
}
