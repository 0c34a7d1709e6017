/**
 * A form made from a JSON Schema: `<${Fields} schema=${…} value=${…} onChange=${(value) => …} errors=${problem.errors} />`.
 *
 * What is left empty is not in the value. What has no shape of its own is written as JSON. Schemas come from the API's own
 * description, from tasks and from questions; those refer to `$defs` of the whole.
 */

import { html, useState } from "../vendor.js";

/**
 * @typedef {{schema: any, value: any, onChange: (value: any) => void, pointer?: string, errors?: {pointer: string, detail: string}[], whole?: any}} FieldProps
 * `pointer` says where in the whole this is, as the API's errors do; `whole` is the schema that references are of.
 */

/** Whether a schema is of an object whose members become fields. @param {any} schema */
export function hasFields(schema) {
  return Object.keys(shapeOf(schema ?? {}, schema).properties ?? {}).length > 0;
}

/** The members of an object, one below the other. @param {FieldProps & {without?: string[]}} props */
export function Fields({ schema, value, onChange, pointer = "", errors = [], without = [], whole = schema }) {
  const [held, shape] = [value ?? {}, shapeOf(schema, whole)];
  return html`${Object.entries(shape.properties ?? {}).filter(([name]) => !without.includes(name)).map(
    ([name, member]) => html`<${Field} key=${name} name=${name} schema=${member} pointer=${`${pointer}/${escaped(name)}`} errors=${errors} whole=${whole}
      needed=${(shape.required ?? []).includes(name)} value=${held[name]}
      onChange=${(/** @type {any} */ next) => onChange(put(held, name, next))} />`,
  )}`;
}

/** @param {FieldProps & {name: string, needed: boolean}} props */
function Field({ name, schema, needed, value, onChange, pointer = "", errors = [], whole }) {
  const shape = shapeOf(schema, whole);
  // What is written as one text is to blame for all that is wrong in it.
  const wrong = errors.filter((one) => one.pointer === pointer || (!shape.properties && one.pointer?.startsWith(`${pointer}/`)));
  const id = `field${pointer.replaceAll("/", "-")}`;
  const props = { id, name: pointer, value, onChange, schema: shape, needed, wrong: wrong.length > 0, usual: schema.default };
  if (shape.type === "object" && shape.properties) {
    return html`<details class="fieldset" open=${value !== undefined && value !== null}>
      <summary>${words(name)}</summary>
      <${Fields} schema=${shape} value=${value} pointer=${pointer} errors=${errors} whole=${whole} onChange=${(/** @type {any} */ next) => onChange(emptied(next))} />
    </details>`;
  }
  return html`<label for=${id} class="field">
    <span>${words(name)}${needed && html` <abbr title="needed">*</abbr>`}</span>
    <${inputOf(shape, whole)} ...${props} />
    ${shape.description && html`<span class="muted">${shape.description}</span>`}
    ${wrong.map((one) => html`<span class="error" role="alert" id=${`${id}-wrong`}>${one.detail}</span>`)}
  </label>`;
}

/** @param {any} shape @param {any} whole */
function inputOf(shape, whole) {
  if (shape.enum) return Choice;
  if (shape.type === "boolean") return Flag;
  if (shape.type === "integer" || shape.type === "number") return Figure;
  if (shape.type === "string") return Text;
  if (shape.type === "array" && shapeOf(shape.items ?? {}, whole).type === "string") return Lines;
  if (shape.type === "object" && shapeOf(shape.additionalProperties ?? {}, whole).type === "string") return Pairs;
  return Json;
}

/** @param {any} props */
function Choice({ id, name, value, onChange, schema, needed, usual, wrong }) {
  const chosen = (/** @type {any} */ event) => onChange(event.target.value === "" ? undefined : schema.enum[Number(event.target.value)]);
  return html`<select id=${id} name=${name} required=${needed} aria-invalid=${wrong} onChange=${chosen}>
    ${(!needed || value === undefined) && html`<option value="" selected=${value === undefined}>${usual ? `as usual: ${usual}` : "–"}</option>`}
    ${schema.enum.map((/** @type {any} */ one, /** @type {number} */ at) => html`<option value=${at} selected=${one === value}>${String(one)}</option>`)}
  </select>`;
}

/** @param {any} props */
function Flag({ id, name, value, onChange, usual }) {
  return html`<input id=${id} name=${name} type="checkbox" checked=${value ?? usual === true} onChange=${(/** @type {any} */ event) => onChange(event.target.checked)} />`;
}

/** @param {any} props */
function Figure({ id, name, value, onChange, schema, needed, usual, wrong }) {
  return html`<input id=${id} name=${name} type="number" step=${schema.type === "integer" ? 1 : "any"} required=${needed} aria-invalid=${wrong}
    min=${schema.minimum} max=${schema.maximum}
    placeholder=${usual ?? ""} value=${value ?? ""} onInput=${(/** @type {any} */ event) => onChange(event.target.value === "" ? undefined : Number(event.target.value))} />`;
}

/** @param {any} props */
function Text({ id, name, value, onChange, schema, needed, usual, wrong }) {
  const given = (/** @type {any} */ event) => onChange(event.target.value === "" ? undefined : event.target.value);
  const lines = name.endsWith("/module") ? 10 : Math.min(10, String(value ?? "").split("\n").length);
  if (lines > 1 || schema.format === "lines") return html`<textarea id=${id} name=${name} rows=${lines} required=${needed} spellcheck=${false} aria-invalid=${wrong} placeholder=${usual ?? ""} value=${value ?? ""} onInput=${given}></textarea>`;
  return html`<input id=${id} name=${name} autocomplete="off" required=${needed} aria-invalid=${wrong} placeholder=${usual ?? ""} value=${value ?? ""} onInput=${given} />`;
}

/** One text a line. @param {any} props */
function Lines({ id, name, value, onChange, wrong }) {
  const read = (/** @type {string} */ text) => text.split("\n").map((line) => line.trim()).filter(Boolean);
  return html`<${Written} ...${{ id, name, wrong, onChange, hint: "one a line", text: (value ?? []).join("\n"), read: (/** @type {string} */ text) => (text.trim() ? read(text) : undefined) }} />`;
}

/** name=value, one a line. @param {any} props */
function Pairs({ id, name, value, onChange, wrong }) {
  const text = Object.entries(value ?? {}).map(([key, one]) => `${key}=${one}`).join("\n");
  return html`<${Written} ...${{ id, name, wrong, onChange, text, hint: "name=value, one a line", read: pairs }} />`;
}

/** @param {string} text */
function pairs(text) {
  const found = text.split("\n").map((line) => line.trim()).filter(Boolean);
  const lone = found.find((line) => !line.includes("="));
  if (lone !== undefined) throw new Error(`${lone}: a line is name=value`);
  return found.length ? Object.fromEntries(found.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)])) : undefined;
}

/** Anything, as JSON. @param {any} props */
function Json({ id, name, value, onChange, wrong }) {
  const text = value === undefined || value === null ? "" : JSON.stringify(value, null, 2);
  return html`<${Written} ...${{ id, name, wrong, onChange, text, hint: "JSON", read: (/** @type {string} */ said) => (said.trim() ? JSON.parse(said) : undefined) }} />`;
}

/** A text that is read when it is left or changed; what cannot be read is said, and not taken. @param {any} props */
function Written({ id, name, text, hint, read, onChange, wrong }) {
  const [kept, keep] = useState(text);
  const [trouble, setTrouble] = useState("");
  const taken = (/** @type {any} */ event) => {
    keep(event.target.value);
    try {
      onChange(read(event.target.value));
      event.target.setCustomValidity("");
      setTrouble("");
    } catch (error) {
      event.target.setCustomValidity(/** @type {Error} */ (error).message);
      setTrouble(/** @type {Error} */ (error).message);
    }
  };
  return html`<textarea id=${id} name=${name} rows=${Math.min(12, kept.split("\n").length + 1)} spellcheck=${false} placeholder=${hint}
      aria-invalid=${wrong || trouble !== ""} value=${kept} onInput=${taken}></textarea>
    ${trouble && html`<span class="error" role="alert">${trouble}</span>`}`;
}

/** A schema without the null that says "may be left out", and what it refers to. @param {any} schema @param {any} [whole] @returns {any} */
function shapeOf(schema, whole) {
  const name = /^#\/\$defs\/(.+)$/.exec(schema.$ref ?? "")?.[1];
  if (name !== undefined && whole?.$defs?.[name]) return { ...shapeOf(whole.$defs[name], whole), ...(schema.default === undefined ? {} : { default: schema.default }) };
  const others = (schema.anyOf ?? []).filter((/** @type {any} */ one) => one.type !== "null");
  return others.length === 1 ? { description: schema.description, ...shapeOf(others[0], whole), default: schema.default } : schema;
}

/** @param {string} name as a part of a JSON pointer */
function escaped(name) {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** @param {Record<string, any>} held @param {string} name @param {any} next */
function put(held, name, next) {
  const { [name]: _, ...others } = held;
  return next === undefined ? others : { ...held, [name]: next };
}

/** @param {Record<string, any>} value */
function emptied(value) {
  return Object.keys(value).length ? value : undefined;
}

/** @param {string} name */
function words(name) {
  return name.replaceAll("_", " ");
}
