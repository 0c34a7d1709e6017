/** The dialog that runs an execution again with other input: a form of the task's schema, or JSON. */

import { html, useState } from "../vendor.js";
import { get, post, Problem } from "../net/api.js";
import { askFor } from "./dialog.js";
import { tell } from "./notice.js";
import { entered, hasFields, meant, sayAt, SchemaFields } from "./schema_form.js";

/** @param {any} execution */
export async function rerun(execution) {
  const task = await get(`/tasks/${encodeURIComponent(execution.task)}`).catch(() => null);
  const schema = /** @type {any} */ (task)?.input_schema ?? null;
  askFor({
    title: `Run ${execution.task} again`,
    body: html`<${Body} schema=${schema} input=${execution.input} />`,
    confirm: "Run it",
    onConfirm: async (form) => {
      const input = form.has("input") ? JSON.parse(String(form.get("input"))) : entered(schema, form);
      try {
        const made = await post(`/executions/${execution.id}/rerun`, { input });
        tell(`${made.task} is submitted`);
      } catch (error) {
        if (error instanceof Problem) for (const { pointer, detail } of error.errors) sayAt(pointer.replace(/^\/input/, ""), detail);
        throw error;
      }
    },
  });
}

/** @param {{schema: any, input: any}} props */
function Body({ schema, input }) {
  const fits = schema !== null && hasFields(meant(schema, schema)) && (input === null || (typeof input === "object" && !Array.isArray(input)));
  const [raw, setRaw] = useState(!fits);
  return html`${fits && html`<p><button type="button" onClick=${() => setRaw(!raw)}>${raw ? "As a form" : "As JSON"}</button></p>`}
    ${raw
      ? html`<label>Input <textarea name="input" rows="10" spellcheck="false" defaultValue=${JSON.stringify(input, null, 2)}></textarea></label>`
      : html`<div class="fields"><${SchemaFields} schema=${schema} value=${input} /></div>`}`;
}
