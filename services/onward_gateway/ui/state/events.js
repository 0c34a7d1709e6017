/** The events of one execution, page by page; what was read stays, and only the last page is read again. */

import { get } from "../net/api.js";

const PAGE = 200;
/** So many are read unasked. */
export const MOST = 2000;

/** @typedef {{before: any[], cursor: string | undefined, last: any[], more: boolean}} Known `before` stands before the last page */

/** @type {Known} */
export const NONE = { before: [], cursor: undefined, last: [], more: false };

/** @param {string} id @param {Known} known @param {number} most @returns {Promise<Known>} */
export async function readOn(id, known, most) {
  let { before, cursor } = known;
  for (;;) {
    const page = await get(`/executions/${id}/events`, { limit: PAGE, cursor });
    const next = page.next_cursor;
    if (!next || before.length + page.items.length >= most) return { before, cursor, last: page.items, more: Boolean(next) };
    [before, cursor] = [[...before, ...page.items], next];
  }
}
