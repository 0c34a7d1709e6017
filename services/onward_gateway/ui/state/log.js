/** One execution's log, as much of it as is looked at: its end comes live, any other place by pages. */

import { signal } from "../vendor.js";
import { get } from "../net/api.js";
import { subscribe } from "../net/live.js";

/** @typedef {{line: number, time: string, level: string, stream: string, attempt: number, step: string | null, text: string}} Line */

const PAGE = 200;
const KEPT = 20_000;
const FIRST = 200;

/** From the least to the worst. */
export const LEVELS = ["debug", "info", "warning", "error", "critical"];

/** The lines of a level and worse. Rows are counted from 1; with every level a row is the line's number, which has no hole. */
export class Log {
  /** @param {string} executionId @param {string} [level] empty for every one */
  constructor(executionId, level = "") {
    this.id = executionId;
    this.level = level;
    /** How many rows there are. */
    this.total = signal(0);
    /** Changes with whatever has come. */
    this.version = signal(0);
    this.ended = signal(false);
    /** By row. @type {Map<number, Line>} */
    this.lines = new Map();
    /** Pages that are here or on their way. @type {Set<number>} */
    this.asked = new Set();
    this.most = 0;
    /** The newest line that was heard of. */
    this.line = 0;
    this.frame = 0;
  }

  /** Hears what comes until it is stopped. @returns {() => void} */
  follow() {
    /** @type {(() => void) | null} */
    let stop = null;
    let gone = false;
    const hear = () => {
      if (!gone) stop = this.hear();
    };
    if (this.level) this.begin().then(hear, hear);
    else hear();
    return () => {
      gone = true;
      stop?.();
      cancelAnimationFrame(this.frame);
    };
  }

  /** @returns {() => void} */
  hear() {
    const from = () => (this.line ? { after: this.line } : { tail: FIRST });
    return subscribe(
      () => ({ channel: "log", execution_id: this.id, ...from(), ...(this.level && { level: this.level }) }),
      (message) => {
        if (message.type === "lines") this.put(message.lines, this.level ? this.most + 1 : message.lines[0]?.line);
        else if (message.type === "end") this.ended.value = true;
      },
    );
  }

  /** How many rows of this level there are. */
  async begin() {
    const page = await get(`/executions/${this.id}/logs`, { tail: 1, limit: 1, level: this.level });
    this.most = this.counted(page.levels);
    this.line = page.last_line;
    this.put([], 1);
  }

  /** @param {Record<string, number>} levels lines by level */
  counted(levels) {
    return LEVELS.slice(LEVELS.indexOf(this.level)).reduce((sum, level) => sum + (levels[level] ?? 0), 0);
  }

  /** @param {Line[]} lines @param {number} row of the first */
  put(lines, row) {
    if (this.lines.size > KEPT) {
      for (const old of [...this.lines.keys()].slice(0, KEPT / 2)) this.lines.delete(old);
      this.asked.clear();
    }
    lines.forEach((line, at) => this.lines.set(row + at, line));
    this.most = Math.max(this.most, lines.length ? row + lines.length - 1 : 0);
    this.line = Math.max(this.line, lines.at(-1)?.line ?? 0);
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.total.value = Math.max(this.total.peek(), this.most);
      this.version.value++;
    });
  }

  /** Fetches what is missing of these rows. @param {number} first @param {number} last */
  want(first, last) {
    for (let page = Math.floor((first - 1) / PAGE); page * PAGE < last; page++) {
      if (page < 0 || this.asked.has(page) || this.has(page)) continue;
      this.asked.add(page);
      this.read(page * PAGE + 1, PAGE).catch(() => this.asked.delete(page));
    }
  }

  /** Rows from one on; those of a level are counted from the log's end, which may have moved. @param {number} row @param {number} limit */
  async read(row, limit) {
    if (!this.level) return this.put((await get(`/executions/${this.id}/logs`, { after: row - 1, limit })).items, row);
    const tail = this.most - row + 1;
    const page = await get(`/executions/${this.id}/logs`, { tail, limit, level: this.level });
    const first = this.counted(page.levels) - tail + 1;
    if (first !== row) this.asked.delete(Math.floor((row - 1) / PAGE));
    this.put(page.items, first);
  }

  /** The row of a line, or of the next one of this level. @param {number} line @returns {Promise<number>} */
  async rowOf(line) {
    if (!this.level) return line;
    let [low, high] = [1, Math.max(1, this.most)];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (!this.lines.has(middle)) await this.read(middle, 1);
      if ((this.lines.get(middle)?.line ?? Infinity) < line) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Whether all rows of a page are here. @param {number} page */
  has(page) {
    const last = Math.min(this.total.peek(), (page + 1) * PAGE);
    for (let row = page * PAGE + 1; row <= last; row++) if (!this.lines.has(row)) return false;
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
