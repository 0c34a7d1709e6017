/** Who is signed in: {project, actor, scope, csrf}; null: nobody; undefined: not known yet. */

import { signal } from "../vendor.js";

/** @type {import("../vendor.js").Signal<any>} */
export const session = signal(undefined);

const SCOPES = ["read", "submit", "operate", "admin"];

/** Whether who is signed in may do what needs this scope. @param {string} scope */
export function may(scope) {
  return SCOPES.indexOf(session.value?.scope) >= SCOPES.indexOf(scope);
}
