/** Which card is chosen, which are marked for a command on all of them, and which one is looked at in the side panel. */

import { signal } from "../vendor.js";

/** The chosen one's id: a signal, so that a key that is pressed at once finds it. @type {import("../vendor.js").Signal<string | null>} */
export const chosen = signal(null);
/** The one in the side panel. @type {import("../vendor.js").Signal<string | null>} */
export const peeked = signal(null);
/** @type {import("../vendor.js").Signal<ReadonlySet<string>>} */
export const marked = signal(new Set());
/** What is being dragged: a draft or an execution. @type {import("../vendor.js").Signal<{draft?: any, execution?: any} | null>} */
export const dragged = signal(null);

/** @param {string} id */
export function mark(id) {
  const next = new Set(marked.peek());
  if (!next.delete(id)) next.add(id);
  marked.value = next;
}

export function unmarkAll() {
  marked.value = new Set();
}
