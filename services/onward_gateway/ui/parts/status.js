/** The state of an execution: a sign, a word and a colour, so that none of them is needed alone. */

import { html } from "../vendor.js";
import { span, now } from "../state/clock.js";

/** @type {Record<string, string>} */
const SIGNS = { pending: "◔", running: "▶", completed: "✓", failed: "✕", cancelled: "⊘", planning: "◇" };

/** @param {{status: string, reason?: string | null}} props */
export function Status({ status, reason }) {
  const more = reason && reason !== "executing" && reason !== "queued" ? reason.replaceAll("_", " ") : null;
  return html`<span class=${`status is-${status}`}>
    <span aria-hidden="true">${SIGNS[status] ?? "•"}</span> ${status}${more && html`<span class="reason"> · ${more}</span>`}
  </span>`;
}

/** How long it waits, runs, or took. @param {{execution: any}} props */
export function Took({ execution }) {
  const { created_at: created, started_at: started, completed_at: completed } = execution;
  if (completed) return html`<span class="took">${span(execution.duration_ms)}</span>`;
  const from = started ?? created;
  return html`<span class="took">${span(Math.max(0, now.value - Date.parse(from)))}</span>`;
}

/** @param {{progress: {fraction: number | null, message: string | null} | null}} props */
export function Progress({ progress }) {
  if (!progress) return null;
  const { fraction, message } = progress;
  return html`<span class="progress">
    ${fraction !== null && html`<progress max="1" value=${fraction} aria-label="progress"></progress>`}
    ${message && html`<span class="message">${message}</span>`}
  </span>`;
}

/** The first characters of an id; the whole of it to the pointer. @param {{id: string}} props */
export function ShortId({ id }) {
  return html`<a class="id" href=${`/x/${id}`} title=${id}>${id.slice(0, 8)}…${id.slice(-4)}</a>`;
}
