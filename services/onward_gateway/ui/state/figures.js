/** What stands in the heads of the columns: counted by the server, so that a million cost no more than a thousand. */

import { signal } from "../vendor.js";
import { get } from "../net/api.js";

/** @typedef {import("../types.js").OpenCounts} OpenCounts */
/** @typedef {import("../types.js").Figures} Figures */

const DAY = 24 * 3600 * 1000;
const EVERY = 5000;
const SUMMED = ["task", "queue", "environment", "agent_id", "team"];

/** @type {import("../vendor.js").Signal<OpenCounts | null>} */
export const open = signal(null);
/** Of the last 24 hours; null where a filter is not counted by. @type {import("../vendor.js").Signal<Figures | null>} */
export const ended = signal(null);
/** Slots of the workers of what is shown; null: not known. @type {import("../vendor.js").Signal<number | null>} */
export const slots = signal(null);
/** Why nothing of a queue starts, by its name. @type {import("../vendor.js").Signal<ReadonlyMap<string, string>>} */
export const hindered = signal(new Map());

/** @param {Record<string, string | string[]> | null} filter as the list takes it; null: one that it cannot take */
export function watchFigures(filter) {
  let gone = false;
  const look = () => {
    if (document.hidden) return;
    const since = new Date(Math.floor((Date.now() - DAY) / 60_000) * 60_000).toISOString();
    const summed = filter && Object.keys(filter).every((name) => SUMMED.includes(name));
    if (filter) get("/executions/counts", filter).then((found) => gone || (open.value = found), () => gone || (open.value = null));
    if (summed) get("/analytics/summary", { ...filter, since }).then((found) => gone || (ended.value = found.figures), () => gone || (ended.value = null));
    get("/queues", { limit: 200 }).then((page) => gone || told(page.items, filter), () => gone || (slots.value = null));
  };
  open.value = ended.value = null;
  look();
  const timer = setInterval(look, EVERY);
  return () => {
    gone = true;
    clearInterval(timer);
  };
}

/** @typedef {{name: string, why: string, waiting: number, oldest: string | null, command: string}} Stuck */

/** Queues in which something waits and nothing starts. @type {import("../vendor.js").Signal<Stuck[]>} */
export const stuck = signal([]);

/** @param {import("../types.js").QueueView[]} queues @param {Record<string, string | string[]> | null} filter */
function told(queues, filter) {
  slots.value = slotsOf(queues, filter);
  const found = new Map(queues.map((queue) => /** @type {[string, string]} */ ([queue.name, hindrance(queue)])).filter(([, why]) => why));
  if ([...found].join() !== [...hindered.peek()].join()) hindered.value = found;
  stuck.value = queues.flatMap((queue) => {
    const why = hindrance(queue);
    if (!why || !queue.waiting) return [];
    return [{ name: queue.name, why, waiting: queue.waiting, oldest: queue.oldest, command: helps(queue) }];
  });
}

/** @param {import("../types.js").QueueView} queue */
function helps(queue) {
  if (queue.paused) return `onward queue resume ${queue.name}`;
  return `onward worker start --queue ${queue.name}`;
}

/** @param {import("../types.js").QueueView} queue */
function hindrance(queue) {
  if (queue.paused) return "queue paused";
  if (queue.workers === 0) return "no worker";
  return queue.running !== null && queue.running >= queue.slots ? "queue at capacity" : "";
}

/** @param {import("../types.js").QueueView[]} queues @param {Record<string, string | string[]> | null} filter */
function slotsOf(queues, filter) {
  const wanted = filter?.queue;
  const some = queues.filter((queue) => wanted === undefined || queue.name === wanted);
  // A worker of several queues gives its slots to each of them: the most of any is the least that there is.
  return some.length ? Math.max(...some.map((queue) => queue.slots)) : null;
}
