/** What a path answers, for as long as something shows it. */

import { useEffect, useState } from "../vendor.js";
import { get } from "./api.js";
import { now } from "../state/clock.js";

/** As many as one answer holds. */
const PAGE = 200;

/** Asked again every so many seconds, and when `again` changes. @param {string} path @param {Record<string, any>} given @param {number} seconds @param {any} [again] */
export function useAnswer(path, given, seconds, again) {
  const [answer, setAnswer] = useState(/** @type {any} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const asked = JSON.stringify(given);
  const round = Math.floor(now.value / (seconds * 1000));
  useEffect(() => {
    let gone = false;
    get(path, JSON.parse(asked)).then(
      (value) => gone || (setAnswer(value), setError(null)),
      (refused) => gone || setError(refused),
    );
    return () => void (gone = true);
  }, [path, asked, round, again]);
  return { answer, error };
}

/**
 * The items of a list, as many pages of it as were asked for: `showMore` is null where there are no more.
 * Each is there once by its `key`, though it moved from one page to the next while they came.
 * @param {string} path @param {Record<string, any>} given @param {string} key @param {number} seconds @param {any} [again]
 */
export function useItems(path, given, key, seconds, again) {
  const asked = JSON.stringify([path, given]);
  const [wanted, setWanted] = useState({ asked, pages: 1 });
  const [found, setFound] = useState(/** @type {{asked: string, items: any[], more: boolean} | null} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const pages = wanted.asked === asked ? wanted.pages : 1;
  const round = Math.floor(now.value / (seconds * 1000));
  useEffect(() => {
    let gone = false;
    all(path, given, pages, key).then(
      (value) => gone || (setFound({ asked, ...value }), setError(null)),
      (refused) => gone || setError(refused),
    );
    return () => void (gone = true);
  }, [asked, pages, round, again]);
  return { items: found?.items ?? null, error, showMore: found?.more ? () => setWanted({ asked, pages: pages + 1 }) : null };
}

/** @param {string} path @param {Record<string, any>} given @param {number} pages @param {string} key */
async function all(path, given, pages, key) {
  /** @type {Map<string, any>} */
  const items = new Map();
  let cursor = null;
  for (let page = 0; page < pages; page += 1) {
    const answer = /** @type {any} */ (await get(path, { ...given, limit: PAGE, cursor }));
    for (const item of answer.items) items.set(item[key], item);
    cursor = answer.next_cursor;
    if (cursor === null) break;
  }
  return { items: [...items.values()], more: cursor !== null };
}
