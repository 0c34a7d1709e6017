/** Resources by their kind: the same calls for all of them, fenced by the ETag of what was read. */

import { call, tagged } from "./api.js";

/** @param {string} plural @param {string} name */
export function read(plural, name) {
  return tagged("GET", `/${plural}/${encodeURIComponent(name)}`);
}

/**
 * Creates where `before` is null; else changes what differs, if it is still as it was read.
 * @param {string} plural @param {any} value @param {{value: any, etag: string | null} | null} before
 */
export function save(plural, value, before) {
  if (!before) return call("POST", `/${plural}`, value);
  /** @type {Record<string, string>} */
  const match = before.etag ? { "If-Match": before.etag } : {};
  return call("PATCH", `/${plural}/${encodeURIComponent(value.name)}`, difference(before.value, value), match);
}

/** The merge (RFC 7396) that makes `after` of `before`. @param {any} before @param {any} after @returns {any} */
export function difference(before, after) {
  const found = /** @type {Record<string, any>} */ ({});
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [was, is] = [before[name], after[name]];
    if (JSON.stringify(was) === JSON.stringify(is)) continue;
    found[name] = is === undefined ? null : isObject(was) && isObject(is) ? difference(was, is) : is;
  }
  return found;
}

/** @param {any} value */
function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

/** Changes these members, whoever changed others meanwhile. @param {string} plural @param {string} name @param {any} merge */
export function change(plural, name, merge) {
  return call("PATCH", `/${plural}/${encodeURIComponent(name)}`, merge);
}

/** @param {string} plural @param {string} name */
export function remove(plural, name) {
  return call("DELETE", `/${plural}/${encodeURIComponent(name)}`);
}

/** @param {string} plural @param {string} name @param {string} act @param {any} [body] */
export function act(plural, name, act, body) {
  return call("POST", `/${plural}/${encodeURIComponent(name)}/${act}`, body);
}
