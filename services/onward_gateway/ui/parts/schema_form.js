/** A form made of a JSON schema: what it knows as fields, the rest as JSON; what is wrong is said at its field. */

import { html } from "../vendor.js";

/** @typedef {Record<string, any>} Schema */

/** A schema whose object members become fields. @param {Schema} schema */
export function hasFields(schema) {
  return schema?.type === "object" && Object.keys(schema.properties ?? {}).length > 0;
}

/** @param {{schema: Schema, value: any, whole?: Schema, at?: string}} props `at` is the JSON pointer of what is shown */
export function SchemaFields({ schema: given, value, whole = given, at = "" }) {
  const schema = meant(given, whole);
  const needed = schema.required ?? [];
  return Object.entries(schema.properties ?? {}).map(
    ([name, member]) => html`<${Field}
      key=${name} name=${name} at=${`${at}/${escaped(name)}`} schema=${meant(member, whole)} whole=${whole}
      value=${value?.[name]} needed=${needed.includes(name)}
    />`,
  );
}

/** @param {{name: string, at: string, schema: Schema, whole: Schema, value: any, needed: boolean}} props */
function Field({ name, at, schema, whole, value, needed }) {
  if (hasFields(schema)) {
    return html`<fieldset><legend>${name}</legend><${SchemaFields} schema=${schema} value=${value} whole=${whole} at=${at} /></fieldset>`;
  }
  const usual = value ?? schema.default;
  const told = schema.description ? html` <span class="muted">${schema.description}</span>` : null;
  if (kind(schema) === "boolean") {
    return html`<label><input type="checkbox" name=${at} defaultChecked=${usual === true} /> ${name}${told}</label>`;
  }
  return html`<label>${name}${needed ? "" : " (may be empty)"}${told} <${Entry} at=${at} schema=${schema} usual=${usual} needed=${needed} /></label>`;
}

/** @param {{at: string, schema: Schema, usual: any, needed: boolean}} props */
function Entry({ at, schema, usual, needed }) {
  const fits = (/** @type {any} */ event) => event.target.setCustomValidity("");
  switch (kind(schema)) {
    case "enum":
      return html`<select name=${at} required=${needed}>
        ${!needed && html`<option value=""></option>`}
        ${schema.enum.map((/** @type {any} */ one) => html`<option value=${JSON.stringify(one)} selected=${one === usual}>${String(one)}</option>`)}
      </select>`;
    case "number":
      return html`<input
        name=${at} type="number" step=${schema.type === "integer" ? "1" : "any"} min=${schema.minimum} max=${schema.maximum}
        required=${needed} defaultValue=${usual ?? ""} onInput=${fits}
      />`;
    case "string":
      return html`<textarea name=${at} rows=${String(usual ?? "").includes("\n") ? 4 : 1} maxlength=${schema.maxLength} defaultValue=${usual ?? ""} onInput=${fits}></textarea>`;
    default:
      return html`<textarea
        name=${at} rows="3" spellcheck="false" required=${needed} placeholder="JSON" onInput=${fits}
        defaultValue=${usual === undefined ? "" : JSON.stringify(usual, null, 2)}
      ></textarea>`;
  }
}

/**
 * What was entered. Raises Error where a field is no JSON, and says so at the field.
 * @param {Schema} given @param {FormData} form @param {Schema} [whole] @param {string} [at]
 */
export function entered(given, form, whole = given, at = "") {
  const schema = meant(given, whole);
  /** @type {[string, any][]} */
  const members = [];
  for (const [name, member] of Object.entries(schema.properties ?? {})) {
    const [here, its] = [`${at}/${escaped(name)}`, meant(member, whole)];
    const needed = (schema.required ?? []).includes(name);
    if (hasFields(its)) members.push([name, entered(its, form, whole, here)]);
    else if (kind(its) === "boolean") members.push([name, form.has(here)]);
    else {
      const text = String(form.get(here) ?? "");
      if (text !== "" || (needed && kind(its) === "string")) members.push([name, read(text, its, here)]);
    }
  }
  return Object.fromEntries(members);
}

/** @param {string} text @param {Schema} schema @param {string} at */
function read(text, schema, at) {
  if (kind(schema) === "string") return text;
  try {
    return JSON.parse(text);
  } catch (error) {
    sayAt(at, /** @type {Error} */ (error).message);
    throw new Error(`${at.slice(1)}: this is not JSON`);
  }
}

/** Says what is wrong at a field; false where there is none. @param {string} at @param {string} trouble */
export function sayAt(at, trouble) {
  const field = document.getElementsByName(at)[0];
  if (!(field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement)) return false;
  field.setCustomValidity(trouble);
  field.reportValidity();
  return true;
}

/** @param {Schema} schema */
function kind(schema) {
  if (schema.enum) return "enum";
  if (schema.type === "integer") return "number";
  return ["string", "number", "boolean"].includes(schema.type) ? schema.type : "json";
}

/** The schema itself, or what it refers to. @param {Schema} schema @param {Schema} whole */
export function meant(schema, whole) {
  const name = /^#\/\$defs\/(.+)$/.exec(schema.$ref ?? "")?.[1];
  return name === undefined ? schema : (whole.$defs?.[name] ?? {});
}

/** @param {string} name as a part of a JSON pointer */
function escaped(name) {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
