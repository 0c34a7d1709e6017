/** What a path answers, for as long as something shows it. */

import { useEffect, useState } from "../vendor.js";
import { get } from "./api.js";
import { now } from "../state/clock.js";

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
