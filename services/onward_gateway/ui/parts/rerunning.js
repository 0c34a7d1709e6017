/** The dialog that runs an execution again with other input. */

import { html } from "../vendor.js";
import { post } from "../net/api.js";
import { askFor } from "./dialog.js";
import { tell } from "./notice.js";
import { inputFrom, inputOf, sayRefusal, schemaOf, TaskInput } from "./task_input.js";

/** @param {any} execution */
export async function rerun(execution) {
  const [schema, input] = [await schemaOf(execution.task), inputFrom(execution.input)];
  askFor({
    title: `Run ${execution.task} again`,
    body: html`<${TaskInput} schema=${schema} input=${input} />`,
    confirm: "Run it",
    onConfirm: async () => {
      try {
        const made = await post(`/executions/${execution.id}/rerun`, { input: inputOf(input) });
        tell(`${made.task} is submitted`);
      } catch (error) {
        sayRefusal(input, error);
        throw error;
      }
    },
  });
}
