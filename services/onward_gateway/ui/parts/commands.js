/** What can be done to an execution: the same list for the card's menu, the page, the keys and dragging. */

import { html } from "../vendor.js";
import { post } from "../net/api.js";
import { may } from "../state/session.js";
import { askFor } from "./dialog.js";
import { tell } from "./notice.js";

/** @typedef {{name: string, label: string, key: string, danger?: boolean, fits: (x: any) => boolean, run: (x: any) => any}} Command */

const ends = new Set(["completed", "failed", "cancelled"]);
const isPaused = (/** @type {any} */ x) => x.reason === "paused" || x.paused === true;

/** @type {Command[]} */
export const COMMANDS = [
  { name: "retry", label: "Retry", key: "r", fits: (x) => ["failed", "cancelled"].includes(x.status), run: retry },
  { name: "pause", label: "Pause", key: "p", fits: (x) => !ends.has(x.status) && !isPaused(x), run: sent("pause") },
  { name: "resume", label: "Resume", key: "p", fits: (x) => !ends.has(x.status) && isPaused(x), run: sent("resume") },
  { name: "rerun", label: "Rerun with other input …", key: "e", fits: (x) => x.status !== "planning", run: rerun },
  { name: "cancel", label: "Cancel …", key: "c", danger: true, fits: (x) => !ends.has(x.status), run: cancel },
];

/** Those that fit an execution, for whoever is signed in. @param {any} execution */
export function commandsFor(execution) {
  return may("operate") ? COMMANDS.filter((command) => command.fits(execution)) : [];
}

/** Does it, and says what went wrong. @param {Command} command @param {any} execution */
export async function perform(command, execution) {
  try {
    await command.run(execution);
  } catch (error) {
    tell(/** @type {Error} */ (error).message, true);
  }
}

/** @param {string} verb */
function sent(verb) {
  return (/** @type {any} */ execution) => post(`/executions/${execution.id}/${verb}`);
}

/** @param {any} execution */
async function retry(execution) {
  await post(`/executions/${execution.id}/retry`);
  tell(`${execution.task} is tried again`);
}

/** @param {any} execution */
function cancel(execution) {
  const children = execution.children?.open ?? 0;
  askFor({
    title: `Cancel ${execution.task}?`,
    body: html`${children > 0 && html`<p>${children} children may end with it.</p>`}
      <label>Reason <input name="reason" maxlength="200" autofocus /></label>`,
    confirm: "Cancel it",
    danger: true,
    onConfirm: (form) => post(`/executions/${execution.id}/cancel`, { reason: form.get("reason") || null }),
  });
}

/** @param {any} execution */
function rerun(execution) {
  askFor({
    title: `Run ${execution.task} again`,
    body: html`<label>Input <textarea name="input" rows="10" spellcheck="false">${JSON.stringify(execution.input, null, 2)}</textarea></label>`,
    confirm: "Run it",
    onConfirm: async (form) => {
      const made = await post(`/executions/${execution.id}/rerun`, { input: JSON.parse(String(form.get("input"))) });
      tell(`${made.task} is submitted`);
    },
  });
}
