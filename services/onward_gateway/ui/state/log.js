/** One execution's log, as much of it as is looked at: its end comes live, any other place by pages. */

import { signal } from "../vendor.js";
import { get } from "../net/api.js";
import { subscribe } from "../net/live.js";

/** @typedef {{line: number, time: string, level: string, stream: string, attempt: number, step: string | null, text: string}} Line */

const PAGE = 200;
const KEPT = 20_000;
const FIRST = 200;

export class Log {
  /** @param {string} executionId */
  constructor(executionId) {
    this.id = executionId;
    /** How many lines there are: their numbers have no hole. */
    this.total = signal(0);
    /** Changes with whatever has come. */
    this.version = signal(0);
    this.ended = signal(false);
    /** @type {Map<number, Line>} */
    this.lines = new Map();
    /** Pages that are here or on their way. @type {Set<number>} */
    this.asked = new Set();
    this.most = 0;
    this.frame = 0;
  }

  /** Hears what comes until it is stopped. @returns {() => void} */
  follow() {
    const stop = subscribe(
      () => ({ channel: "log", execution_id: this.id, ...(this.total.peek() ? { after: this.total.peek() } : { tail: FIRST }) }),
      (message) => {
        if (message.type === "lines") this.put(message.lines);
        else if (message.type === "end") this.ended.value = true;
      },
    );
    return () => {
      stop();
      cancelAnimationFrame(this.frame);
    };
  }

  /** @param {Line[]} lines */
  put(lines) {
    if (this.lines.size > KEPT) {
      for (const line of [...this.lines.keys()].slice(0, KEPT / 2)) this.lines.delete(line);
      this.asked.clear();
    }
    for (const line of lines) this.lines.set(line.line, line);
    this.most = Math.max(this.most, lines.at(-1)?.line ?? 0);
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.total.value = Math.max(this.total.peek(), this.most);
      this.version.value++;
    });
  }

  /** Fetches what is missing of these lines. @param {number} first @param {number} last */
  want(first, last) {
    for (let page = Math.floor((first - 1) / PAGE); page * PAGE < last; page++) {
      if (page < 0 || this.asked.has(page) || this.has(page)) continue;
      this.asked.add(page);
      get(`/executions/${this.id}/logs`, { after: page * PAGE, limit: PAGE }).then(
        (found) => this.put(found.items),
        () => this.asked.delete(page),
      );
    }
  }

  /** Whether all lines of a page are here. @param {number} page */
  has(page) {
    const last = Math.min(this.total.peek(), (page + 1) * PAGE);
    for (let line = page * PAGE + 1; line <= last; line++) if (!this.lines.has(line)) return false;
    return true;
  }
}

/** @typedef {{text: string, lines: number[], total: number, complete: boolean}} Found */

/**
 * Where a text stands in the whole log; `hear` is told after each part, and may say false to end it.
 * @param {string} id @param {{grep: string, case: string, level: string}} what @param {(found: Found) => boolean} hear
 */
export async function search(id, what, hear) {
  /** @type {Found} */
  let found = { text: what.grep, lines: [], total: 0, complete: false };
  for (let after = /** @type {number | null} */ (0); after !== null; ) {
    const part = await get(`/executions/${id}/logs/matches`, { ...what, after });
    after = part.next_after;
    found = { ...found, lines: [...found.lines, ...part.lines].slice(0, 10_000), total: found.total + part.total, complete: after === null };
    if (!hear(found)) return;
  }
}

/** The number of the first error's line behind another one; of the last one of all where none is named. @param {string} id @param {number | null} after */
export async function nextError(id, after) {
  const page = await get(`/executions/${id}/logs`, after === null ? { tail: 1, level: "error" } : { after, level: "error", limit: 1 });
  return /** @type {number | null} */ (page.items[0]?.line ?? null);
}
