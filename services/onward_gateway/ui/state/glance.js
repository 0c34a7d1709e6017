/** Of running cards that are in sight: their last step and last log line, live over the one WebSocket. */

import { batch, signal } from "../vendor.js";
import { get } from "../net/api.js";
import { subscribe } from "../net/live.js";

/** @typedef {{step: string | null, steps: number, line: string | null}} Glance */

/** A socket has 64 channels, and the pages need some. */
const MOST = 24;
const PAUSE = 300;
/** A card that only rushes by is not asked about. */
const PATIENCE = 700;

/** @type {Map<string, {seen: import("../vendor.js").Signal<Glance>, stop: () => void}>} */
const seen = new Map();
/** Who shows which card: a card may stand in two places for a moment. @type {Map<string, number>} */
const wanted = new Map();
/** What has come since the last frame. @type {Map<string, string>} */
const lines = new Map();
let steps = () => {};
let timer = 0;
let frame = 0;

/** What is known of one. @param {string} id @returns {Glance | undefined} */
export function glanceOf(id) {
  return seen.get(id)?.seen.value ?? (turn.value, undefined);
}
/** Changes when other cards are looked at. */
const turn = signal(0);

/** Says that a card is in sight. @param {string} id @returns {() => void} takes it back */
export function inSight(id) {
  wanted.set(id, (wanted.get(id) ?? 0) + 1);
  timer ||= window.setTimeout(look, PAUSE);
  return () => {
    const left = (wanted.get(id) ?? 1) - 1;
    if (left > 0) wanted.set(id, left);
    else wanted.delete(id);
    timer ||= window.setTimeout(look, PAUSE);
  };
}

function look() {
  timer = 0;
  const some = new Set([...wanted.keys()].slice(0, MOST));
  const before = [...seen.keys()].join();
  for (const [id, one] of seen) {
    if (some.has(id)) continue;
    one.stop();
    seen.delete(id);
  }
  for (const id of some) if (!seen.has(id)) seen.set(id, begun(id));
  if ([...seen.keys()].join() === before) return;
  turn.value += 1;
  steps();
  steps = () => {};
  if (some.size === 0) return;
  const where = { execution_id: [...some], type: ["checkpoint_reached", "step_failed"] };
  steps = subscribe(() => ({ channel: "events", where }), stepped);
}

/** @param {string} id */
function begun(id) {
  const glance = signal(/** @type {Glance} */ ({ step: null, steps: 0, line: null }));
  const asking = setTimeout(() => {
    get(`/executions/${id}/steps`, { limit: 200 }).then(
      (page) => {
        const last = page.items.at(-1);
        if (last) glance.value = { ...glance.peek(), step: last.name, steps: page.items.length };
      },
      () => {},
    );
  }, PATIENCE);
  const stop = subscribe(
    () => ({ channel: "log", execution_id: id, tail: 1 }),
    (message) => {
      if (message.type !== "lines") return;
      lines.set(id, message.lines.at(-1).text);
      frame ||= requestAnimationFrame(draw);
    },
  );
  return { seen: glance, stop: () => (clearTimeout(asking), stop()) };
}

/** However many lines come: one change of a card in a frame. */
function draw() {
  frame = 0;
  batch(() => {
    for (const [id, line] of lines) {
      const one = seen.get(id)?.seen;
      if (one) one.value = { ...one.peek(), line: line.slice(0, 200) };
    }
  });
  lines.clear();
}

/** @param {any} message */
function stepped(message) {
  if (message.type !== "events") return;
  batch(() => {
    for (const { execution_id: id, event } of message.items) {
      const one = seen.get(id)?.seen;
      if (one && event.name) one.value = { ...one.peek(), step: event.name, steps: one.peek().steps + (event.type === "step_failed" ? 0 : 1) };
    }
  });
}
