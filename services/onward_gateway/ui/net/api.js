/** REST, as the pages use it: JSON in and out, a refusal is a Problem, the session's token goes with every change. */

import { session } from "../state/session.js";

/** What the gateway refuses: `code` is stable, `detail` and `hint` are for people. */
export class Problem extends Error {
  /** @param {number} status @param {any} body */
  constructor(status, body) {
    super(body?.detail ?? `HTTP ${status}`);
    this.status = status;
    this.code = body?.code ?? "unreachable";
    this.hint = body?.hint ?? null;
    this.errors = body?.errors ?? [];
  }
}

/**
 * @param {string} method
 * @param {string} path below /api/v1
 * @param {any} [body]
 * @param {Record<string, string>} [headers]
 * @returns {Promise<any>} Raises Problem.
 */
export async function call(method, path, body, headers = {}) {
  return (await tagged(method, path, body, headers)).value;
}

/**
 * The same, with the version that a change of it may name in If-Match.
 * @param {string} method
 * @param {string} path below /api/v1
 * @param {any} [body]
 * @param {Record<string, string>} [headers]
 * @returns {Promise<{value: any, etag: string | null}>} Raises Problem.
 */
export async function tagged(method, path, body, headers = {}) {
  const sent = { ...headers };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  if (method !== "GET" && session.value?.csrf) sent["X-Onward-Csrf"] = session.value.csrf;
  let answer;
  try {
    answer = await fetch(`/api/v1${path}`, {
      method,
      headers: sent,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
    });
  } catch {
    throw new Problem(0, { detail: "The gateway does not answer.", code: "unreachable", hint: "onward doctor" });
  }
  const text = await answer.text();
  const value = text ? parsed(text) : null;
  if (answer.status === 401) session.value = null;
  if (!answer.ok) throw new Problem(answer.status, value);
  return { value, etag: answer.headers.get("ETag") };
}

/**
 * What a path answers, with its type: ui/types.d.ts has all of them.
 * @template {string} P
 * @param {P} path
 * @param {Record<string, any>} [query]
 * @returns {Promise<import("../types.js").Answer<P>>}
 */
export function get(path, query) {
  return call("GET", path + asked(query));
}

/** @param {string} path @param {any} [body] */
export function post(path, body = {}) {
  return call("POST", path, body);
}

/** @param {Record<string, any>} [query] null and "" are left out; a list is repeated */
export function asked(query = {}) {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") given.append(name, String(one));
    }
  }
  const text = given.toString();
  return text ? `?${text}` : "";
}

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
