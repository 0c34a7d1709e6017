/** Where the time of an execution went: waiting, attempts, pauses between them, steps; made from its events. */

import { html, useEffect, useRef } from "../vendor.js";
import { now, span } from "../state/clock.js";

/** @typedef {{name: string, kind: string, from: number, to: number | null, note?: string}} Bar */

/**
 * The bars, in the order in which they began.
 * @param {any[]} events
 * @returns {Bar[]}
 */
export function bars(events) {
  /** @type {Bar[]} */
  const made = [];
  /** @type {Map<string, Bar>} */
  const open = new Map();
  const begin = (/** @type {string} */ key, /** @type {Bar} */ bar) => (made.push(bar), open.set(key, bar));
  const end = (/** @type {string} */ key, /** @type {number} */ at, /** @type {string} */ note = "") => {
    const bar = open.get(key);
    if (bar) [bar.to, bar.note] = [at, note || bar.note];
    open.delete(key);
  };
  let stepFrom = 0;
  for (const event of events) {
    const at = Date.parse(event.at);
    const bar = (/** @type {string} */ name, /** @type {string} */ kind, note = "") => ({ name, kind, from: at, to: null, note });
    switch (event.type) {
      case "submitted":
      case "retry_requested":
        begin("wait", bar(event.due ? "delayed" : "queue", "waiting"));
        break;
      case "started":
        for (const key of ["wait", "pause", "person"]) end(key, at);
        begin("attempt", bar(`attempt ${event.attempt}`, "attempt", event.worker_id));
        stepFrom = at;
        break;
      case "checkpoint_reached":
        if (event.kind === "step") {
          const from = event.duration_ms ? at - event.duration_ms : stepFrom;
          made.push({ name: event.name, kind: "step", from, to: at });
        }
        stepFrom = at;
        break;
      case "step_failed":
        made.push({ name: event.name, kind: "failed", from: stepFrom, to: at, note: event.error?.message });
        stepFrom = at;
        break;
      case "question_asked":
        begin("person", bar(event.text, "person"));
        break;
      case "answered":
        end("person", at, event.actor ?? "");
        break;
      case "suspended":
        end("attempt", at);
        begin("pause", bar(event.reason.replaceAll("_", " "), "sleeping"));
        break;
      case "attempt_failed":
        end("attempt", at, event.error?.message);
        begin("pause", bar("before the next try", "backoff"));
        break;
      case "recovered":
      case "released":
        end("attempt", at, "its worker went away");
        begin("wait", bar("for another worker", "waiting"));
        break;
      case "completed":
      case "failed":
      case "cancelled":
        for (const key of [...open.keys()]) end(key, at);
        break;
    }
  }
  return made;
}

/** @param {{events: any[], execution: any}} props */
export function Timeline({ events, execution }) {
  const all = bars(events);
  const cause = execution.status === "failed" ? all.findLast((bar) => bar.kind === "failed" || bar.kind === "attempt") : undefined;
  const list = useRef(/** @type {HTMLOListElement | null} */ (null));
  useEffect(() => {
    const bar = /** @type {HTMLElement | null | undefined} */ (list.current?.querySelector("[aria-current]"));
    if (list.current && bar) list.current.scrollTop = bar.offsetTop - list.current.offsetTop - list.current.clientHeight / 2;
  }, [cause === undefined, all.length]);
  if (all.length === 0) return null;
  const from = Math.min(...all.map((bar) => bar.from));
  const to = execution.completed_at ? Date.parse(execution.completed_at) : now.value;
  const whole = Math.max(1, to - from);
  return html`<ol class="timeline" aria-label="Where the time went" ref=${list}>
    ${all.map((bar) => {
      const end = bar.to ?? to;
      const place = { left: `${((bar.from - from) / whole) * 100}%`, width: `${Math.max(0.3, ((end - bar.from) / whole) * 100)}%` };
      return html`<li class=${`bar is-${bar.kind}`} aria-current=${bar === cause ? "step" : undefined}>
        <span class="name" title=${bar.note ?? ""}>${bar.name}</span>
        <span class="track"><span class="fill" style=${place}></span></span>
        <span class="took">${span(end - bar.from)}${bar.to === null ? " …" : ""}</span>
      </li>`;
    })}
  </ol>`;
}
