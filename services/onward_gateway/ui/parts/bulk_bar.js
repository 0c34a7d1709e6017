/** One command for many: for the marked cards, or for all that the filters find, which the server counts and carries out. */

import { html } from "../vendor.js";
import { get, post } from "../net/api.js";
import { cardOf, columns } from "../state/board.js";
import { listed } from "../state/filters.js";
import { marked, unmarkAll } from "../state/selection.js";
import { may } from "../state/session.js";
import { askFor } from "./dialog.js";
import { tell } from "./notice.js";

/** @type {[string, string, string[]][]} command, label, of which status */
const ACTIONS = [
  ["retry", "Retry", ["failed", "cancelled"]],
  ["pause", "Pause", ["pending", "running"]],
  ["resume", "Resume", ["pending", "running"]],
  ["cancel", "Cancel", ["pending", "running"]],
];
const AT_ONCE = 6;
const LOOK = 500;

export function BulkBar() {
  if (!may("operate")) return null;
  const some = [...marked.value].flatMap((id) => cardOf(id)?.value ?? []);
  if (some.length === 0) return null;
  return html`<div class="bulk" role="toolbar" aria-label="Commands for the marked">
    <strong>${some.length} marked</strong>
    ${ACTIONS.map(([action, label, statuses]) => {
      const fit = some.filter((x) => statuses.includes(x.status));
      return html`<button type="button" class=${action === "cancel" ? "is-danger" : ""} disabled=${fit.length === 0} onClick=${() => one(action, label, fit.map((x) => x.id))}>
        ${label} ${fit.length}
      </button>`;
    })}
    <button type="button" class="is-quiet" onClick=${unmarkAll}>Unmark <kbd>Esc</kbd></button>
  </div>`;
}

/** @param {string} action @param {string} label @param {string[]} ids */
function one(action, label, ids) {
  askFor({
    title: `${label} ${ids.length} executions?`,
    body: html`<p class="muted">${ids.slice(0, 5).map((id) => cardOf(id)?.peek().task).join(", ")}${ids.length > 5 ? " …" : ""}</p>`,
    confirm: `${label} them`,
    danger: action === "cancel",
    onConfirm: async () => {
      const left = [...ids];
      let refused = 0;
      const work = async () => {
        for (let id = left.pop(); id; id = left.pop()) await post(`/executions/${id}/${action}`).catch(() => (refused += 1));
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      unmarkAll();
      tell(refused ? `${ids.length - refused} done, ${refused} refused` : `${label}: ${ids.length} done`, refused > 0);
    },
  });
}

/** Marks every card of a column. @param {string} name */
export function markAll(name) {
  marked.value = new Set([...marked.peek(), ...columns[name].peek()]);
}

/** Does something to all that the filters find, on the board or not: counted first, carried out by the server. @param {string} action */
export async function toAll(action) {
  const [, label, statuses] = ACTIONS.find(([name]) => name === action) ?? ACTIONS[0];
  const found = listed();
  if (found === null) return tell("These filters cannot be given to the server: use one value each, and none denied", true);
  const command = { action, filter: { ...found, status: statuses }, all: true };
  try {
    const { matched } = await post("/bulk-operations", { ...command, dry_run: true });
    if (matched === 0) return tell(`No execution to ${action}`);
    askFor({
      title: `${label} ${matched.toLocaleString()} executions?`,
      body: html`<p class="muted">All that are ${statuses.join(" or ")} and fit the filters, also those that the board does not show.</p>`,
      confirm: `${label} them`,
      danger: action === "cancel",
      onConfirm: async () => void follow((await post("/bulk-operations", command)).id, label),
    });
  } catch (error) {
    tell(/** @type {Error} */ (error).message, true);
  }
}

/** Says how it ended. @param {string} id @param {string} label */
async function follow(id, label) {
  for (;;) {
    const now = await get(`/bulk-operations/${id}`);
    if (now.completed_at) return tell(`${label}: ${now.done} done, ${now.skipped} skipped, ${now.failed} failed`, now.failed > 0);
    await new Promise((again) => setTimeout(again, LOOK));
  }
}
