/** The dialog that runs an execution again with other input. */

import { html } from "../vendor.js";
import { post } from "../net/api.js";
import { askFor } from "./dialog.js";
import { tell } from "./notice.js";
import { inputOf, sayRefusal, schemaOf, TaskInput } from "./task_input.js";

/** @param {any} execution */
export async function rerun(execution) {
  const schema = await schemaOf(execution.task);
  askFor({
    title: `Run ${execution.task} again`,
    body: html`<${TaskInput} schema=${schema} input=${execution.input} />`,
    confirm: "Run it",
    onConfirm: async (form) => {
      const input = inputOf(schema, form);
      try {
        const made = await post(`/executions/${execution.id}/rerun`, { input });
        tell(`${made.task} is submitted`);
      } catch (error) {
        sayRefusal(error);
        throw error;
      }
    },
  });
}
