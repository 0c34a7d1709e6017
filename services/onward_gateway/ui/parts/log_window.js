/** The rows of a log that can be seen: a million of them scroll, and only what is looked at is fetched and drawn. */

import { html, useEffect, useRef, useState } from "../vendor.js";
import { LogLine } from "./log_line.js";
import { WrappedWindow } from "./wrapped_window.js";

const ROW = 20;
const SPARE = 20;
/** No browser draws elements that are much higher: above it one pixel of the bar is more than one of the log. */
const HIGHEST = 12_000_000;
/**
 * @typedef {{log: import("../state/log.js").Log, following: boolean, follow: (is: boolean) => void, line: number | null,
 *   sought: string, open: (line: any) => void}} WindowProps
 */

/** @param {WindowProps & {wrapped: boolean}} props */
export function LogWindow({ wrapped, ...props }) {
  const { log, line } = props;
  const [row, setRow] = useState(log.level ? null : line);
  const known = log.total.value > 0;
  useEffect(() => {
    if (!log.level || line === null) return setRow(line);
    let gone = false;
    setRow(null);
    if (known) log.rowOf(line).then((found) => gone || setRow(found), () => {});
    return () => void (gone = true);
  }, [log, line, known]);
  return wrapped ? html`<${WrappedWindow} ...${props} row=${row} />` : html`<${EvenWindow} ...${props} row=${row} />`;
}

/** Every row is as high as the others. @param {WindowProps & {row: number | null}} props */
function EvenWindow({ log, following, follow, line, row, sought, open }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [top, setTop] = useState(0);
  const total = log.total.value;
  const version = log.version.value;
  const height = box.current?.clientHeight ?? 400;
  const whole = Math.min(total * ROW, HIGHEST);
  const scale = whole > height ? (total * ROW - height) / (whole - height) : 1;
  const first = Math.max(0, Math.floor((top * scale) / ROW) - SPARE);
  const count = Math.ceil(height / ROW) + 2 * SPARE;
  const last = Math.min(total, first + count);

  useEffect(() => {
    if (last > first) log.want(first + 1, last);
  }, [log, first, last, version]);
  // More lines make a pixel of the bar more of the log: who looks at a place stays there.
  const held = useRef(scale);
  useEffect(() => {
    const before = held.current;
    held.current = scale;
    if (!box.current || following || before === scale) return;
    box.current.scrollTop = (box.current.scrollTop * before) / scale;
    setTop(box.current.scrollTop);
  }, [scale, following]);
  useEffect(() => {
    if (!box.current || total === 0) return;
    if (following) box.current.scrollTop = whole;
    else if (row) box.current.scrollTop = Math.max(0, (row - 1) * ROW - height / 3) / scale;
    setTop(box.current.scrollTop);
  }, [log, following ? total : total > 0, following, row]);

  /** Who goes up wants to stay there; who comes to the end follows again. @param {Event} event */
  function scrolled(event) {
    const { scrollTop, scrollHeight, clientHeight } = /** @type {HTMLElement} */ (event.target);
    const atEnd = scrollTop + clientHeight >= scrollHeight - ROW;
    if (scrollTop < top - 1 && !atEnd) follow(false);
    else if (atEnd && scrollTop > top + 1) follow(true);
    setTop(scrollTop);
  }

  const rows = Array.from({ length: Math.max(0, last - first) }, (_, at) => first + 1 + at).map(
    (number) => html`<${LogLine} key=${number} one=${log.lines.get(number)} number=${number} marked=${log.lines.get(number)?.line === line} sought=${sought} open=${open} />`,
  );
  const shift = top + first * ROW - top * scale;
  return html`<div class="window" ref=${box} role="region" aria-label="Lines" tabindex="0" onScroll=${scrolled}>
    <div class="whole" style=${{ height: `${whole}px` }}>
      <div class="part" style=${{ transform: `translateY(${shift}px)` }}>${rows}</div>
    </div>
  </div>`;
}
