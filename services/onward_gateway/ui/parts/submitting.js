/** The dialog that submits an execution of a task: its input, and where, when and how urgently it runs. */

import { html } from "../vendor.js";
import { post } from "../net/api.js";
import { go } from "../state/route.js";
import { askFor } from "./dialog.js";
import { inputFrom, inputOf, sayRefusal, schemaOf, TaskInput } from "./task_input.js";

/** @typedef {import("../types.js").TaskView} TaskView */

/** @param {TaskView} task */
export async function submit(task) {
  const [schema, input] = [await schemaOf(task.name), inputFrom(null)];
  askFor({
    title: `Run ${task.name}`,
    body: html`
      ${task.workers === 0 && html`<p class="notice">No worker listens for it now: it waits until one does.</p>`}
      <${TaskInput} schema=${schema} input=${input} />
      <details><summary>Where, when, how urgently</summary>
        <label>Queue <input name="queue" placeholder=${task.queue} maxlength="64" /></label>
        <label>Priority, 1 to 9 <input name="priority" type="number" min="1" max="9" placeholder=${task.priority} /></label>
        <label>Seconds until it may start <input name="delay" type="number" min="0" step="any" /></label>
        <label>Labels, one a line <textarea name="labels" rows="2" spellcheck="false" placeholder="customer=42"></textarea></label>
        <label>Idempotency key <input name="idempotency_key" maxlength="255" autocomplete="off" /></label>
      </details>`,
    confirm: "Run it",
    onConfirm: async (form) => {
      try {
        const made = await post("/executions", { task: task.name, input: inputOf(input), ...options(form) });
        go(`/x/${made.id}`);
      } catch (error) {
        sayRefusal(input, error);
        throw error;
      }
    },
  });
}

/** What was filled in of the options, as the body has it. Raises Error for a label without a value. @param {FormData} form */
function options(form) {
  const typed = (/** @type {string} */ name) => String(form.get(name) ?? "").trim();
  /** @type {Record<string, any>} */
  const given = {};
  for (const name of ["queue", "idempotency_key"]) if (typed(name)) given[name] = typed(name);
  for (const name of ["priority", "delay"]) if (typed(name)) given[name] = Number(typed(name));
  const labels = typed("labels").split("\n").map((line) => line.trim()).filter(Boolean);
  if (labels.length) given.labels = Object.fromEntries(labels.map(label));
  return given;
}

/** @param {string} line @returns {[string, string]} */
function label(line) {
  const at = line.indexOf("=");
  if (at < 1) throw new Error(`a label is name=value, not ${line}`);
  return [line.slice(0, at).trim(), line.slice(at + 1).trim()];
}
