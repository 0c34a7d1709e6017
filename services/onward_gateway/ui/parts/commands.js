/** What can be done to an execution: the same list for the card's menu, the page, the keys and dragging. */

import { html } from "../vendor.js";
import { call, post } from "../net/api.js";
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
  { name: "start", label: "Start now", key: "n", fits: (x) => x.reason === "delayed", run: start },
  { name: "move", label: "Move or change priority …", key: "m", fits: (x) => x.status === "pending", run: move },
  { name: "rerun", label: "Rerun with other input …", key: "e", fits: (x) => x.status !== "planning", run: async (x) => (await import("./rerunning.js")).rerun(x) },
  { name: "cancel", label: "Cancel …", key: "c", danger: true, fits: (x) => !ends.has(x.status), run: cancel },
];

/** Those that fit an execution, for whoever is signed in. @param {any} execution */
export function commandsFor(execution) {
  return may("operate") ? COMMANDS.filter((command) => command.fits(execution)) : [];
}

/** What is asked before: nothing where the command itself asks. @type {Record<string, [string, string]>} */
const SURE = { start: ["Start now", "Start it"], retry: ["Retry", "Retry it"], pause: ["Pause", "Pause it"], resume: ["Resume", "Resume it"] };

/** Does it once a person has confirmed it: what dragging, the card's menu and the board's keys do. @param {Command} command @param {any} execution */
export function confirmed(command, execution) {
  const sure = SURE[command.name];
  if (!sure) {
    perform(command, execution);
    return;
  }
  askFor({
    title: `${sure[0]} ${execution.task} ${execution.id.slice(-6)}?`,
    body: html`<p class="muted">${execution.error ? `${execution.error.type}: ${execution.error.message}` : `queue ${execution.queue}`}</p>`,
    confirm: sure[1],
    onConfirm: () => command.run(execution),
  });
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
function start(execution) {
  return call("PATCH", `/executions/${execution.id}`, { run_at: "now" });
}

/** @param {any} execution */
function move(execution) {
  askFor({
    title: `Move ${execution.task}`,
    body: html`<label>Queue <input name="queue" value=${execution.queue} required /></label>
      <label>Priority, 9 is the most urgent <input name="priority" type="number" min="1" max="9" value=${execution.priority} required /></label>`,
    confirm: "Move it",
    onConfirm: (form) =>
      call("PATCH", `/executions/${execution.id}`, { queue: String(form.get("queue")), priority: Number(form.get("priority")) }),
  });
}
