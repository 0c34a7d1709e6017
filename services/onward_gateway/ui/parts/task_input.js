/** The input of a task, in a dialog: a form of the task's schema, or JSON. */

import { html, useState } from "../vendor.js";
import { get, Problem } from "../net/api.js";
import { entered, hasFields, meant, sayAt, SchemaFields } from "./schema_form.js";

/** What the task says its input looks like; null where nobody knows the task, or it does not say. @param {string} task */
export async function schemaOf(task) {
  const found = await get(`/tasks/${encodeURIComponent(task)}`).catch(() => null);
  return /** @type {any} */ (found)?.input_schema ?? null;
}

/** @param {{schema: any, input: any}} props */
export function TaskInput({ schema, input }) {
  const fits = schema !== null && hasFields(meant(schema, schema)) && (input === null || (typeof input === "object" && !Array.isArray(input)));
  const [raw, setRaw] = useState(!fits);
  return html`${fits && html`<p><button type="button" onClick=${() => setRaw(!raw)}>${raw ? "As a form" : "As JSON"}</button></p>`}
    ${raw
      ? html`<label>Input <textarea name="input" rows="10" spellcheck="false" defaultValue=${JSON.stringify(input, null, 2)}></textarea></label>`
      : html`<div class="fields"><${SchemaFields} schema=${schema} value=${input} /></div>`}`;
}

/** What was entered. Raises Error where it is no JSON. @param {any} schema @param {FormData} form */
export function inputOf(schema, form) {
  return form.has("input") ? JSON.parse(String(form.get("input"))) : entered(schema, form);
}

/** Says what the server refused at the fields of the input, where it is about them. @param {unknown} refused */
export function sayRefusal(refused) {
  if (refused instanceof Problem) for (const { pointer, detail } of refused.errors) sayAt(pointer.replace(/^\/input/, ""), detail);
}
