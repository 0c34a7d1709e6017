/** The input of a task, in a dialog: a form of the task's schema, or JSON. */

import { html, useState } from "../vendor.js";
import { get, Problem } from "../net/api.js";
import { Fields, hasFields } from "./form.js";

/** @typedef {{value: any, text: string | null, say: (errors: {pointer: string, detail: string}[]) => void}} Input what was entered: `text` where it is JSON */

/** What the task says its input looks like; null where nobody knows the task, or it does not say. @param {string} task */
export async function schemaOf(task) {
  const found = await get(`/tasks/${encodeURIComponent(task)}`).catch(() => null);
  return /** @type {any} */ (found)?.input_schema ?? null;
}

/** @param {any} value what stands there at first @returns {Input} */
export function inputFrom(value) {
  return { value, text: null, say: () => {} };
}

/** @param {{schema: any, input: Input}} props */
export function TaskInput({ schema, input }) {
  const [value, setValue] = useState(input.value);
  const fits = schema !== null && hasFields(schema) && (value === null || (typeof value === "object" && !Array.isArray(value)));
  const [raw, setRaw] = useState(!fits);
  const [errors, setErrors] = useState(/** @type {{pointer: string, detail: string}[]} */ ([]));
  input.say = setErrors;
  if (raw && input.text === null) input.text = JSON.stringify(value, null, 2);
  const change = (/** @type {any} */ next) => {
    input.value = next;
    setValue(next);
  };
  const turn = () => {
    input.text = null;
    setRaw(!raw);
  };
  return html`${fits && html`<p><button type="button" onClick=${turn}>${raw ? "As a form" : "As JSON"}</button></p>`}
    ${raw
      ? html`<label>Input <textarea name="input" rows="10" spellcheck="false" defaultValue=${input.text} onInput=${(/** @type {any} */ event) => (input.text = event.target.value)}></textarea></label>`
      : html`<div class="fields"><${Fields} schema=${schema} value=${value} onChange=${change} errors=${errors} /></div>`}`;
}

/** What was entered. Raises Error where it is no JSON. @param {Input} input */
export function inputOf(input) {
  return input.text === null ? (input.value ?? {}) : JSON.parse(input.text);
}

/** Says what the server refused at the fields of the input, where it is about them. @param {Input} input @param {unknown} refused */
export function sayRefusal(input, refused) {
  if (refused instanceof Problem) input.say(refused.errors.map((/** @type {any} */ one) => ({ ...one, pointer: one.pointer.replace(/^\/input/, "") })));
}
