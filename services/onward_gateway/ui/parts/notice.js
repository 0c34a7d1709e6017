/** What went wrong, what is empty, what is on its way; and short messages at the edge of the window. */

import { html, signal } from "../vendor.js";

/** @param {{error: any}} props a Problem, or any error */
export function Failed({ error }) {
  if (!error) return null;
  return html`<div class="notice is-bad" role="alert">
    <strong>${error.message}</strong>
    ${error.hint && html`<p>${error.hint}</p>`}
    ${(error.errors ?? []).map((/** @type {any} */ one) => html`<p><code>${one.pointer}</code> ${one.detail}</p>`)}
  </div>`;
}

/** Teaches what would fill this place. @param {{title: string, command?: string, children?: any}} props */
export function Empty({ title, command, children }) {
  return html`<div class="empty">
    <p>${title}</p>
    ${command && html`<pre><code>${command}</code></pre>`} ${children}
  </div>`;
}

export function Loading() {
  return html`<p class="loading" role="status">…</p>`;
}

/** @type {import("../vendor.js").Signal<{id: number, text: string, bad: boolean}[]>} */
const toasts = signal([]);
let serial = 0;

/** Says something for some seconds. @param {string} text @param {boolean} [bad] */
export function tell(text, bad = false) {
  const id = ++serial;
  toasts.value = [...toasts.value, { id, text, bad }];
  setTimeout(() => (toasts.value = toasts.value.filter((toast) => toast.id !== id)), bad ? 8000 : 4000);
}

export function Toasts() {
  return html`<div class="toasts" role="status" aria-live="polite">
    ${toasts.value.map(({ id, text, bad }) => html`<div key=${id} class=${bad ? "toast is-bad" : "toast"}>${text}</div>`)}
  </div>`;
}
