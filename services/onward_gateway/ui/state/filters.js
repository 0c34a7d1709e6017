/** What the board shows of all: filters in the address, written as one line such as `task:invoice -label:test=1`. */

import { computed } from "../vendor.js";
import { go, query } from "./route.js";

/** @typedef {import("../types.js").ExecutionView} Execution */
/** @typedef {{name: string, value: string, not: boolean}} Filter */

/** What the server looks at; the rest, and all that is denied, is looked at here. */
const SERVED = ["task", "queue", "environment", "agent_id", "team", "label", "parent"];
const ENDED = ["ended_since", "ended_until", "ended_as"];
export const NAMES = [...SERVED, "worker", "error", ...ENDED, "text"];
/** Filters of the list by the same name, so that a view can be saved and a bulk command be given. */
const LISTED = new Set([...SERVED, "worker", "error", ...ENDED]);
const ALSO = new Map([["agent", "agent_id"], ["env", "environment"]]);
const TOKEN = /(-?)(?:([a-z_]+):)?("[^"]*"|\S+)/g;

export const filters = computed(() => {
  /** @type {Filter[]} */
  const found = [];
  for (const [key, value] of query.value) {
    const not = key.startsWith("-");
    const name = not ? key.slice(1) : key;
    if (NAMES.includes(name)) found.push({ name, value, not });
  }
  return found;
});

/** The part that the server looks at, as text: it changes only when it is another. */
export const where = computed(() => {
  /** @type {Record<string, string[]>} */
  const asked = {};
  for (const { name, value, not } of filters.value) {
    if (!not && SERVED.includes(name)) (asked[name] ??= []).push(value);
  }
  return JSON.stringify(asked);
});

/** Whether an execution is shown, by all filters. @param {Execution} x */
export function fits(x) {
  /** @type {Map<string, boolean>} */
  const wanted = new Map();
  for (const { name, value, not } of filters.peek()) {
    const has = matches(x, name, value);
    if (not && has) return false;
    if (!not && name === "label" && !has) return false;
    if (!not) wanted.set(name, wanted.get(name) || has);
  }
  return [...wanted.values()].every(Boolean);
}

/** @param {Execution} x @param {string} name @param {string} value */
function matches(x, name, value) {
  switch (name) {
    case "label": {
      const [key, ...rest] = value.split("=");
      return rest.length ? x.labels[key] === rest.join("=") : key in x.labels;
    }
    case "team":
      return x.team_id === value;
    case "parent":
      return x.parent_id === value;
    case "worker":
      return x.worker_id === value;
    case "error":
      return x.error?.fingerprint === value || x.error?.type === value;
    case "text":
      return `${x.task} ${x.id} ${JSON.stringify(x.labels)} ${x.error?.message ?? ""}`.toLowerCase().includes(value.toLowerCase());
    case "ended_since":
      return x.completed_at !== null && Date.parse(x.completed_at) >= Date.parse(value);
    case "ended_until":
      return x.completed_at !== null && Date.parse(x.completed_at) < Date.parse(value);
    case "ended_as":
      return x.status === value;
    case "agent_id":
      return x.agent_id === value;
    case "environment":
      return x.environment === value;
    case "queue":
      return x.queue === value;
    default:
      return x.task === value;
  }
}

/** The filters in a line of text; a bare word is looked for in the text of the cards. @param {string} text @returns {Filter[]} */
export function read(text) {
  return [...text.matchAll(TOKEN)].map(([whole, sign, given, value]) => {
    const name = ALSO.get(given ?? "") ?? given ?? "text";
    const known = NAMES.includes(name);
    return { name: known ? name : "text", not: sign === "-", value: (known ? value : whole).replace(/^"|"$/g, "") };
  });
}

/** @param {Filter[]} more */
export function add(more) {
  const next = new URL(location.href);
  for (const one of more) if (!next.searchParams.has(keyOf(one), one.value)) next.searchParams.append(keyOf(one), one.value);
  go(next.href, { replace: true });
}

/** @param {Filter} one */
export function remove(one) {
  const next = new URL(location.href);
  next.searchParams.delete(keyOf(one), one.value);
  go(next.href, { replace: true });
}

/** In the place of all filters, those of a saved view. @param {Record<string, string | string[]>} saved */
export function use(saved) {
  const next = new URL(location.href);
  for (const name of NAMES) for (const key of [name, `-${name}`]) next.searchParams.delete(key);
  for (const [name, values] of Object.entries(saved)) {
    for (const value of [values].flat()) next.searchParams.append(name === "q" ? "text" : name, value);
  }
  go(next.href, { replace: true });
}

/** The filters as the list takes them; null where the list cannot say the same. */
export function listed() {
  /** @type {Record<string, string | string[]>} */
  const found = {};
  for (const { name, value, not } of filters.value) {
    if (not || !LISTED.has(name)) return null;
    if (name === "label") found.label = [...(found.label ?? []), value];
    else if (name in found) return null;
    else found[name] = value;
  }
  return found;
}

/** @param {Filter} one */
function keyOf({ name, not }) {
  return not ? `-${name}` : name;
}
