/** Workers: what each does now, in which version, and what it can be told while it works. */

import { html, useState } from "../vendor.js";
import { useItems } from "../net/answer.js";
import { More } from "../parts/more.js";
import { act } from "../net/resources.js";
import { askFor } from "../parts/dialog.js";
import { Empty, Failed, Loading, tell } from "../parts/notice.js";
import { ShortId } from "../parts/status.js";
import { clock, since } from "../state/clock.js";
import { may } from "../state/session.js";

const HEAD = ["Worker", "State", "Version", "Queues", "Busy", "Runs now", "Last seen", "Host"];
/** @type {Record<string, [string, string]>} sign and colour */
const STATES = { listening: ["✓", "completed"], paused: ["❚❚", "pending"], draining: ["↓", "pending"], drained: ["⊘", "cancelled"], gone: ["✕", "failed"] };

/** @typedef {{says: string, does: string, when: string[], danger?: boolean, body: (form: FormData, worker: any) => any, ask?: (worker: any) => any}} Order */
/** @type {Order[]} */
const ORDERS = [
  { says: "Pause", does: "pause", when: ["listening"], body: () => ({}), ask: () => html`<p class="muted">It takes nothing new until it is resumed. What it runs goes on.</p>` },
  { says: "Resume", does: "resume", when: ["paused", "draining", "drained"], body: () => ({}) },
  { says: "Drain", does: "drain", when: ["listening", "paused"], danger: true, body: (form) => ({ exit: form.get("exit") === "on" }),
    ask: () => html`<p class="muted">It ends what it runs, and takes nothing new.</p><label class="check"><input type="checkbox" name="exit" /> then end its process</label>` },
  { says: "Slots", does: "slots", when: ["listening", "paused"], body: (form) => ({ slots: Number(form.get("slots")) }),
    ask: (worker) => html`<label>How many executions it runs at once<input name="slots" type="number" min="1" required defaultValue=${worker.slots} /></label>` },
];

export function WorkersPage() {
  const [round, again] = useState(0);
  const { items, error, showMore } = useItems("/workers", {}, "worker_id", 3, round);
  const workers = items ?? [];
  return html`<section>
    <h1>Workers</h1>
    <${Failed} error=${error} />
    ${!items && !error && html`<${Loading} />`}
    ${items && workers.length === 0 && html`<${Empty} title="No worker gives a sign of life" command="onward worker start --tasks your_module" />`}
    <${Skew} workers=${workers} />
    ${workers.length > 0 && html`<div class="scroll" role="region" aria-label="Workers" tabindex="0"><table>
      <thead><tr>${HEAD.map((one) => html`<th>${one}</th>`)}<th><span class="unseen">What can be done</span></th></tr></thead>
      <tbody>${workers.map((/** @type {any} */ worker) => html`<${Row} worker=${worker} done=${() => again(round + 1)} key=${worker.worker_id} />`)}</tbody>
    </table></div>`}
    <${More} shown=${workers.length} showMore=${showMore} />
    <p class="muted"><code>onward worker list</code></p>
  </section>`;
}

/** Queues that workers of several versions listen to. @param {{workers: any[]}} props */
function Skew({ workers }) {
  /** @type {Map<string, Map<string, number>>} */
  const found = new Map();
  for (const worker of workers.filter((one) => one.status !== "gone")) {
    for (const queue of worker.queues) {
      const versions = found.get(queue) ?? new Map();
      found.set(queue, versions.set(worker.version, (versions.get(worker.version) ?? 0) + 1));
    }
  }
  return [...found].filter(([, versions]) => versions.size > 1).map(([queue, versions]) => html`<p class="notice" key=${queue}>
    <strong>Workers of ${versions.size} versions listen to ${queue}:</strong> ${[...versions].map(([version, count]) => `${count} of ${version || "no version"}`).join(", ")}
  </p>`);
}

/** @param {{worker: any, done: () => void}} props */
function Row({ worker, done }) {
  const [sign, colour] = STATES[worker.status] ?? ["•", "running"];
  return html`<tr id=${worker.worker_id}>
    <td><code>${worker.worker_id}</code></td><td><span class=${`status is-${colour}`}>${sign} ${worker.status}</span></td><td>${worker.version || "–"}</td><td>${worker.queues.join(", ")}</td>
    <td><meter min="0" max=${worker.slots || 1} value=${worker.busy} aria-label="busy slots"></meter> ${worker.busy}/${worker.slots}</td>
    <td>${worker.executions.slice(0, 5).map((/** @type {string} */ id) => html`<${ShortId} id=${id} key=${id} /> `)}${worker.executions.length > 5 && html`<a href=${`/list?worker=${worker.worker_id}&status=running`}>and ${worker.executions.length - 5} more</a>`}</td>
    <td title=${clock(worker.last_seen)}>${since(worker.last_seen)}</td><td>${worker.host} (${worker.pid})</td>
    <td class="acts">${ORDERS.filter(({ when }) => when.includes(worker.status)).map((order) => html`<button type="button" class="is-small" disabled=${!may("operate")} aria-label=${`${order.says} ${worker.worker_id}`} onClick=${() => tellWorker(worker, order, done)}>${order.says}</button> `)}</td>
  </tr>`;
}

/** @param {any} worker @param {Order} order @param {() => void} done */
function tellWorker(worker, order, done) {
  askFor({
    title: `${order.says}: ${worker.worker_id}?`,
    body: html`${order.ask?.(worker)}<code class="muted">onward worker ${order.does} ${worker.worker_id}</code>`,
    confirm: order.says,
    danger: order.danger,
    onConfirm: async (form) => {
      await act("workers", worker.worker_id, order.does, order.body(form, worker));
      tell(`${worker.worker_id}: ${order.says.toLowerCase()} is done`);
      done();
    },
  });
}
