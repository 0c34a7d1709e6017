/** The executions of the board: one signal each, and the order of each column, made again only where it has changed. */

import { batch, computed, effect, signal } from "../vendor.js";
import { subscribe } from "../net/live.js";
import { now } from "./clock.js";
import { filters, fits, where } from "./filters.js";
import { query } from "./route.js";

/** @typedef {import("../types.js").ExecutionView} Execution */
/** @typedef {{column: string, rank: number, at: number}} Place */
/** @typedef {import("../vendor.js").Signal<Execution>} Card */

export const COLUMNS = ["planning", "pending", "running", "completed", "failed"];
const MOST_ENDED = 1000;
/** Of more than so many at a time none flashes: nobody could follow. */
const MOST_FLASHES = 10;

/** @type {Map<string, Card>} */
const cards = new Map();
/** Where each one stands; without what filters leave out. @type {Map<string, Place>} */
const places = new Map();
/** Changes with each change of a column's order. @type {Record<string, import("../vendor.js").Signal<number>>} */
const orders = Object.fromEntries(COLUMNS.map((name) => [name, signal(0)]));
export const complete = signal(true);
export const arrived = signal(false);
/** When each card came to its column: for the flash. @type {Map<string, number>} */
export const moved = new Map();
/** Whether cancelled ones are shown among the failed. */
export const withCancelled = computed(() => query.value.get("cancelled") === "show");
/** @param {{status: string, reason?: string | null}} execution one whose time has not come is planned */
export function columnOf(execution) {
  if (execution.status === "pending" && execution.reason === "delayed") return "planning";
  return execution.status === "cancelled" ? "failed" : execution.status;
}

/** @param {string} id */
export function cardOf(id) {
  return cards.get(id);
}

/** Shows the board of the address as long as somebody looks. @returns {() => void} */
export function watchBoard() {
  let stop = () => {};
  const served = effect(() => {
    const asked = JSON.parse(where.value);
    stop();
    clear();
    arrived.value = false;
    stop = subscribe(() => ({ channel: "board", where: asked }), heard);
  });
  const looked = effect(() => {
    filters.value;
    withCancelled.value;
    placeAll();
  });
  return () => (served(), looked(), stop());
}

function clear() {
  cards.clear();
  places.clear();
  for (const name of COLUMNS) orders[name].value = orders[name].peek() + 1;
}

/** @param {any} message */
export function heard(message) {
  if (message.type !== "snapshot" && message.type !== "changes") return;
  batch(() => {
    if (message.type === "snapshot" && message.part === 1) clear();
    /** @type {Set<string>} */
    const changed = new Set();
    const flashes = message.type === "changes" && message.items.length <= MOST_FLASHES;
    for (const execution of message.items) put(execution, flashes, changed);
    for (const id of message.gone ?? []) leave(id, changed);
    for (const name of changed) orders[name].value = orders[name].peek() + 1;
    if (message.type === "snapshot") {
      complete.value = message.complete;
      arrived.value = arrived.value || message.last;
    }
  });
}

/** @param {Execution} execution @param {boolean} flashes @param {Set<string>} changed */
function put(execution, flashes, changed) {
  const card = cards.get(execution.id);
  if (card === undefined) cards.set(execution.id, signal(execution));
  else {
    const before = card.peek();
    if (execution.version < before.version) return;
    if (flashes && columnOf(before) !== columnOf(execution)) moved.set(execution.id, Date.now());
    card.value = execution;
  }
  place(execution, changed);
}

/** @param {string} id @param {Set<string>} changed */
function leave(id, changed) {
  const was = places.get(id);
  if (was) changed.add(was.column);
  places.delete(id);
  cards.delete(id);
  moved.delete(id);
}

/** @param {Execution} x @param {Set<string>} changed */
function place(x, changed) {
  const was = places.get(x.id);
  const hidden = (x.status === "cancelled" && !withCancelled.peek()) || !fits(x);
  if (hidden || !(columnOf(x) in orders)) {
    if (was) changed.add(was.column);
    places.delete(x.id);
    return;
  }
  const is = placeOf(x);
  if (was && was.column === is.column && was.rank === is.rank && was.at === is.at) return;
  if (was) changed.add(was.column);
  changed.add(is.column);
  places.set(x.id, is);
}

function placeAll() {
  batch(() => {
    const changed = new Set(COLUMNS);
    for (const card of cards.values()) place(card.peek(), changed);
    for (const name of changed) orders[name].value = orders[name].peek() + 1;
  });
}

/** The most urgent first, the newest first where nothing is urgent. @param {Execution} x @returns {Place} */
function placeOf(x) {
  const column = columnOf(x);
  if (column === "planning") return { column, rank: 0, at: Date.parse(x.due_at ?? x.created_at) };
  if (column === "pending") return { column, rank: -x.priority, at: Date.parse(x.created_at) };
  if (column === "running") return { column, rank: needsPerson(x) ? 0 : 1, at: -Date.parse(x.started_at ?? x.created_at) };
  return { column, rank: 0, at: -Date.parse(x.completed_at ?? x.created_at) };
}

/** The ids of each column, in their order. @type {Record<string, import("../vendor.js").ReadonlySignal<string[]>>} */
export const columns = Object.fromEntries(COLUMNS.map((name) => [name, computed(() => ordered(name))]));

/** @param {string} name */
function ordered(name) {
  orders[name].value;
  /** @type {[string, Place][]} */
  const found = [];
  for (const one of places) if (one[1].column === name) found.push(one);
  found.sort(([one, a], [other, b]) => a.rank - b.rank || a.at - b.at || (one < other ? -1 : 1));
  if (name === "completed" || name === "failed") {
    for (const [id] of found.splice(MOST_ENDED)) places.delete(id), cards.delete(id), moved.delete(id);
  }
  return found.map(([id]) => id);
}

/** How many of the running ones wait for a person: they stand first. */
export const waitingForPerson = computed(() => {
  const ids = columns.running.value;
  const at = ids.findIndex((id) => places.get(id)?.rank !== 0);
  return at < 0 ? ids.length : at;
});

/** How many kinds of error are among the failed, looked at once a second. */
export const kindsOfError = computed(() => {
  now.value;
  return new Set(columns.failed.peek().map((id) => cards.get(id)?.peek().error?.fingerprint)).size;
});

/** What a column shows now. @param {string} name @returns {Execution[]} */
export function shown(name) {
  return columns[name].value.flatMap((id) => cards.get(id)?.peek() ?? []);
}

/** Whether it waits for a person. @param {Execution} execution */
export function needsPerson(execution) {
  return execution.waiting_on.some((wait) => wait.kind === "question");
}
