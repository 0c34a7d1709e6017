/** Rows of a log that are as high as their text: some hundred of them, others come and go as one scrolls. */

import { html, useEffect, useLayoutEffect, useRef, useState } from "../vendor.js";
import { LogLine } from "./log_line.js";

const THERE = 400;
const STEP = 200;
/** So near to the first or last of them, in pixels, others come. */
const NEAR = 600;

/** @param {import("./log_window.js").WindowProps & {row: number | null}} props */
export function WrappedWindow({ log, following, follow, line, row, sought, open }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  /** The row that stays where it is, in pixels below the upper edge. */
  const kept = useRef({ row: 0, below: 0 });
  const before = useRef(0);
  const total = log.total.value;
  const version = log.version.value;
  const [from, setFrom] = useState(0);
  const first = Math.max(1, Math.min(from, total - STEP));
  const last = Math.min(total, first + THERE - 1);

  useEffect(() => {
    if (last >= first) log.want(first, last);
  }, [log, first, last, version]);
  useEffect(() => {
    if (following) setFrom(Math.max(1, total - STEP));
  }, [following, total]);
  useEffect(() => {
    if (following) return;
    const to = row ?? total;
    kept.current = { row: to, below: (box.current?.clientHeight ?? 400) / 3 };
    setFrom(Math.max(1, to - STEP));
  }, [log, row]);
  useLayoutEffect(() => {
    const window = box.current;
    if (!window) return;
    if (following) window.scrollTop = window.scrollHeight;
    else {
      const stays = rowElement(window, kept.current.row - first);
      if (stays) window.scrollTop = stays.offsetTop - kept.current.below;
    }
    before.current = window.scrollTop;
  }, [first, last, version, following, row]);

  function scrolled() {
    const window = /** @type {HTMLElement} */ (box.current);
    const { scrollTop, scrollHeight, clientHeight } = window;
    const up = scrollTop < before.current - 1;
    const down = scrollTop > before.current + 1;
    before.current = scrollTop;
    if (!up && !down) return;
    const at = [...window.children].findIndex((one) => rowBottom(one) > scrollTop);
    if (at >= 0) kept.current = { row: first + at, below: /** @type {HTMLElement} */ (window.children[at]).offsetTop - scrollTop };
    if (up) follow(false);
    if (up && scrollTop < NEAR && first > 1) setFrom(Math.max(1, first - STEP));
    const left = scrollHeight - scrollTop - clientHeight;
    if (down && left < NEAR && last < total) setFrom(first + STEP);
    if (down && left < 2 && last === total) follow(true);
  }

  const rows = Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at);
  return html`<div class="window is-wrapped" ref=${box} role="region" aria-label="Lines" tabindex="0" onScroll=${scrolled}>
    ${rows.map(
      (number) => html`<${LogLine} key=${number} one=${log.lines.get(number)} number=${number} marked=${log.lines.get(number)?.line === line} sought=${sought} open=${open} />`,
    )}
  </div>`;
}

/** @param {HTMLElement} window @param {number} at */
function rowElement(window, at) {
  return /** @type {HTMLElement | undefined} */ (window.children[at]);
}

/** @param {Element} row */
function rowBottom(row) {
  const { offsetTop, offsetHeight } = /** @type {HTMLElement} */ (row);
  return offsetTop + offsetHeight;
}
