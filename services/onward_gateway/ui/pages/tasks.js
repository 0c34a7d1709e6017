/** Tasks: what can be run, who would run it, and what its input looks like. */

import { html, useState } from "../vendor.js";
import { useAnswer } from "../net/answer.js";
import { Empty, Failed, Loading } from "../parts/notice.js";
import { submit } from "../parts/submitting.js";
import { may } from "../state/session.js";

/** @typedef {import("../types.js").TaskView} TaskView */

const TEACHES = `# tasks.py
registry = Registry("orders")

@registry.task
async def greet(name: str) -> str:
    return f"Hello {name}"

$ onward up --tasks tasks`;

export function TasksPage() {
  const [cursors, setCursors] = useState(/** @type {string[]} */ ([]));
  const { answer, error } = useAnswer("/tasks", { limit: 100, cursor: cursors.at(-1) }, 5);
  return html`<section>
    <h1>Tasks</h1>
    <${Failed} error=${error} />
    ${!answer && !error && html`<${Loading} />`}
    ${answer?.items.length === 0 && html`<${Empty} title="No worker has brought a task yet" command=${TEACHES} />`}
    ${answer?.items.length > 0 &&
    html`<div class="scroll" role="region" aria-label="Tasks" tabindex="0"><table>
      <thead><tr><th>Task</th><th>What it does</th><th>Input</th><th>Queue</th><th>Workers</th><th>Tries</th><th>Version</th><th></th></tr></thead>
      <tbody>${answer.items.map((/** @type {TaskView} */ task) => html`<${Row} task=${task} key=${task.name} />`)}</tbody>
    </table></div>`}
    <div class="buttons">
      ${cursors.length > 0 && html`<button type="button" onClick=${() => setCursors(cursors.slice(0, -1))}>Back</button>`}
      ${answer?.next_cursor && html`<button type="button" onClick=${() => setCursors([...cursors, answer.next_cursor])}>More</button>`}
    </div>
  </section>`;
}

/** @param {{task: TaskView}} props */
function Row({ task }) {
  return html`<tr id=${task.name}>
    <td><a href=${`/list?task=${encodeURIComponent(task.name)}`}>${task.name}</a></td>
    <td>${task.description ?? ""}</td>
    <td><code>${members(task.input_schema)}</code></td>
    <td>${task.queue}</td>
    <td>${task.workers === 0 ? html`<span class="badge is-bad">nobody listens</span>` : task.workers}</td>
    <td>${task.max_attempts}</td><td>${task.version ?? "–"}</td>
    <td>${may("submit") && html`<button type="button" aria-label=${`Run ${task.name}`} onClick=${() => submit(task)}>Run</button>`}</td>
  </tr>`;
}

/** The members of an input in a line; one that may be left out ends in `?`. @param {any} given */
function members(given) {
  const schema = given?.$ref ? given.$defs?.[given.$ref.replace("#/$defs/", "")] : given;
  const needed = schema?.required ?? [];
  const names = Object.keys(schema?.properties ?? {});
  return names.map((name) => (needed.includes(name) ? name : `${name}?`)).join(", ");
}
