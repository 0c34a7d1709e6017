/** The executions of the board: one signal each, put into columns at most ten times a second, as they come. */

import { batch, computed, signal } from "../vendor.js";
import { subscribe } from "../net/live.js";

/** @typedef {import("../vendor.js").Signal<any>} Card */

/** @type {Map<string, Card>} */
const cards = new Map();
/** Changes with each batch: what a column holds is made from `cards`. */
const round = signal(0);
export const complete = signal(true);
export const arrived = signal(false);
/** When each card came to its column: for the flash. @type {Map<string, number>} */
export const moved = new Map();

const MOST_ENDED = 1000;
const COLUMNS = ["pending", "running", "completed", "failed"];

/** @param {any} execution */
export function columnOf(execution) {
  return execution.status === "cancelled" ? "failed" : execution.status;
}

/** @param {string} id */
export function cardOf(id) {
  return cards.get(id);
}

/** @param {Record<string, string[]>} where @returns {() => void} */
export function watchBoard(where) {
  cards.clear();
  arrived.value = false;
  return subscribe(() => ({ channel: "board", where }), heard);
}

/** @param {any} message */
function heard(message) {
  if (message.type !== "snapshot" && message.type !== "changes") return;
  batch(() => {
    if (message.type === "snapshot" && message.part === 1) cards.clear();
    for (const execution of message.items) put(execution, message.type === "changes");
    for (const id of message.gone ?? []) cards.delete(id);
    if (message.type === "snapshot") {
      complete.value = message.complete;
      arrived.value = arrived.value || message.last;
    }
    round.value += 1;
  });
}

/** @param {any} execution @param {boolean} isChange */
function put(execution, isChange) {
  const card = cards.get(execution.id);
  if (card === undefined) cards.set(execution.id, signal(execution));
  else if (execution.version >= card.peek().version) {
    if (isChange && columnOf(card.peek()) !== columnOf(execution)) moved.set(execution.id, Date.now());
    card.value = execution;
  }
}

/** What each column shows: the ids, the most urgent first; and numbers for its head. */
export const columns = computed(() => {
  round.value;
  /** @type {Record<string, any[]>} */
  const found = Object.fromEntries(COLUMNS.map((name) => [name, []]));
  for (const card of cards.values()) found[columnOf(card.peek())].push(card.peek());
  found.pending.sort((a, b) => b.priority - a.priority || (a.created_at < b.created_at ? -1 : 1));
  found.running.sort((a, b) => Number(needsPerson(b)) - Number(needsPerson(a)) || (a.started_at > b.started_at ? -1 : 1));
  for (const name of ["completed", "failed"]) {
    found[name].sort((a, b) => (a.completed_at > b.completed_at ? -1 : 1));
    for (const old of found[name].splice(MOST_ENDED)) cards.delete(old.id);
  }
  return found;
});

/** Whether it waits for a person. @param {any} execution */
export function needsPerson(execution) {
  return execution.waiting_on.some((/** @type {any} */ wait) => wait.kind === "question");
}
