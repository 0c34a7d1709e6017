/** What the API takes, by its own description: fetched once, when the first form is opened. */

import { call } from "./api.js";

/** @typedef {Record<string, any>} Schema of JSON Schema, without references */

/** @type {Promise<any> | null} */
let description = null;

/**
 * The schema of what a path takes.
 * @param {string} method @param {string} path below /api/v1
 * @returns {Promise<Schema>}
 */
export async function schemaOf(method, path) {
  description ??= call("GET", "/openapi.json");
  const known = await description.catch((/** @type {any} */ error) => {
    description = null;
    throw error;
  });
  const asked = known.paths[`/api/v1${path}`][method].requestBody.content["application/json"].schema;
  return resolved(asked, known.components.schemas, []);
}

/** With every reference put in its place; one that comes back to itself is left open. @param {any} schema @param {any} named @param {string[]} within @returns {any} */
function resolved(schema, named, within) {
  if (Array.isArray(schema)) return schema.map((one) => resolved(one, named, within));
  if (schema === null || typeof schema !== "object") return schema;
  if (typeof schema.$ref === "string") {
    const name = schema.$ref.split("/").at(-1);
    return within.includes(name) ? {} : resolved(named[name], named, [...within, name]);
  }
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, resolved(value, named, within)]));
}
