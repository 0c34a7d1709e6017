/** One command for many, which the server carries out: counted before, followed while it goes on, aborted. */

import { html, useState } from "../vendor.js";
import { useAnswer } from "../net/answer.js";
import { post } from "../net/api.js";
import { askFor } from "./dialog.js";
import { Failed, tell } from "./notice.js";

/** Asks with the count of what it finds now, then begins. @param {{action: string, filter: Record<string, any>}} command @param {string} label @param {(id: string) => void} begun */
export async function begin(command, label, begun) {
  try {
    const { matched, most } = await post("/bulk-operations", { ...command, dry_run: true });
    if (matched === 0) return tell(`No execution to ${command.action}`);
    askFor({
      title: `${label} ${matched.toLocaleString()} ${matched === 1 ? "execution" : "executions"}?`,
      body: html`${matched > most && html`<p class="muted">One operation takes ${most.toLocaleString()}: the others take a second one.</p>`}<code class="muted">onward bulk ${command.action} ${Object.entries(command.filter).map(([name, value]) => `--${name} ${value}`).join(" ")}</code>`,
      confirm: `${label} them`,
      onConfirm: async () => begun((await post("/bulk-operations", command)).id),
    });
  } catch (error) {
    tell(/** @type {Error} */ (error).message, true);
  }
}

/** How far it is. @param {{id: string, label: string}} props */
export function Operation({ id, label }) {
  const [ended, setEnded] = useState(false);
  const { answer, error } = useAnswer(`/bulk-operations/${id}`, {}, ended ? 3600 : 1);
  if (answer?.completed_at && !ended) setEnded(true);
  if (!answer) return html`<${Failed} error=${error} />`;
  const through = answer.done + answer.skipped + answer.failed;
  return html`<p class="progress" role="status">
    <progress max=${answer.total || 1} value=${through} aria-label=${label}></progress>
    <span>${label}: ${answer.status}, ${through} of ${answer.total}: ${answer.done} done, ${answer.skipped} skipped, ${answer.failed} failed</span>
    ${!answer.completed_at && html`<button type="button" class="is-small is-danger" disabled=${answer.status === "aborting"} onClick=${() => post(`/bulk-operations/${id}/abort`).catch((/** @type {Error} */ refused) => tell(refused.message, true))}>Abort</button>`}
  </p>`;
}
