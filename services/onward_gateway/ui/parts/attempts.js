/** The attempts of an execution beside each other: who ran it, for how long, how far it came, and what went wrong. */

import { html } from "../vendor.js";
import { clock, now, span } from "../state/clock.js";

/** @typedef {{number: number, worker: string, from: number, to: number | null, steps: number, failed: number, outcome: string, error: any}} Attempt */

const ENDS = ["completed", "failed", "cancelled", "attempt_failed", "suspended", "released", "recovered"];

/** @param {any[]} events @returns {Attempt[]} */
export function attemptsOf(events) {
  /** @type {Attempt[]} */
  const made = [];
  for (const event of events) {
    const last = made.at(-1);
    if (event.type === "started" && last && last.number === event.attempt) [last.to, last.outcome, last.worker] = [null, "running", event.worker_id];
    else if (event.type === "started") {
      made.push({ number: event.attempt, worker: event.worker_id, from: Date.parse(event.at), to: null, steps: 0, failed: 0, outcome: "running", error: null });
    } else if (last && event.type === "checkpoint_reached" && event.kind === "step") last.steps++;
    else if (last && event.type === "step_failed") last.failed++;
    else if (last && last.to === null && ENDS.includes(event.type)) {
      [last.to, last.outcome, last.error] = [Date.parse(event.at), event.type.replaceAll("_", " "), event.error ?? null];
    }
  }
  return made;
}

/** @param {{events: any[]}} props */
export function Attempts({ events }) {
  const all = attemptsOf(events);
  if (all.length === 0) return html`<p class="empty">No worker has begun it yet.</p>`;
  /** @type {[string, (one: Attempt) => any][]} */
  const rows = [
    ["Outcome", (one) => one.outcome],
    ["Worker", (one) => html`<a href=${`/workers#${one.worker}`}>${one.worker}</a>`],
    ["Began", (one) => clock(new Date(one.from).toISOString())],
    ["Took", (one) => span((one.to ?? now.value) - one.from)],
    ["Steps", (one) => `${one.steps}${one.failed ? `, ${one.failed} failed` : ""}`],
    ["Error", (one) => one.error && html`<strong>${one.error.type}</strong>: ${one.error.message}`],
  ];
  return html`<div class="scroll" role="region" aria-label="Attempts" tabindex="0"><table class="attempts">
    <thead><tr><th></th>${all.map((one) => html`<th scope="col">attempt ${one.number}</th>`)}</tr></thead>
    <tbody>${rows.map(([name, show]) => html`<tr><th scope="row">${name}</th>${all.map((one) => html`<td>${show(one)}</td>`)}</tr>`)}</tbody>
  </table></div>`;
}
