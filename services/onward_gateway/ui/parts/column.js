/** A column of the board: its head with the server's numbers, its cards, and what dropping one here means. */

import { html } from "../vendor.js";
import { arrived, columnOf, columns, complete, kindsOfError, shown, waitingForPerson, withCancelled } from "../state/board.js";
import { now, span } from "../state/clock.js";
import { ended, open, slots } from "../state/figures.js";
import { ask } from "../state/route.js";
import { dragged } from "../state/selection.js";
import { may } from "../state/session.js";
import { Card } from "./card.js";
import { COMMANDS, confirmed } from "./commands.js";
import { approve, DraftCard, planned, ScheduleCard, scheduled } from "./drafts.js";
import { Lane } from "./lane.js";
import { Empty, Loading } from "./notice.js";
import { Status } from "./status.js";

export const HEIGHT = 102;
const grouped = new Intl.NumberFormat();
/** What dragging from one column to another asks for: the first that fits; a paused one goes on. @type {Record<string, string[]>} */
const DRAGS = {
  "planning>pending": ["start"],
  "planning>failed": ["cancel"],
  "failed>pending": ["retry"],
  "failed>running": ["retry"],
  "pending>failed": ["cancel"],
  "running>failed": ["cancel"],
  "running>pending": ["pause", "resume"],
  "pending>planning": ["pause"],
  "running>planning": ["pause"],
  "pending>running": ["resume"],
};
/** @type {Record<string, [string, string]>} */
const TEACH = {
  planning: ["Nothing planned", "onward draft create NAME --set task=TASK"],
  pending: ["Nothing waits", "onward run TASK"],
  running: ["Nothing runs", "onward run TASK --follow"],
  completed: ["Nothing has completed yet", "onward execution list --status completed"],
  failed: ["Nothing has failed", "onward error list"],
};

/** What dropping here does to what is dragged. @param {string} name */
function wanted(name) {
  const what = dragged.value;
  if (what?.draft) return name === "pending" && may("submit") ? "approve" : null;
  if (!what?.execution) return undefined;
  const from = columnOf(what.execution);
  if (from === name) return undefined;
  if (!may("operate")) return null;
  return (DRAGS[`${from}>${name}`] ?? []).find((one) => COMMANDS.find((command) => command.name === one)?.fits(what.execution)) ?? null;
}

/** The handlers and the class of a place where cards are dropped. @param {string} name */
export function target(name) {
  const command = wanted(name);
  const state = command === undefined ? "" : command ? " may-drop" : " may-not-drop";
  return {
    state,
    onDragOver: (/** @type {DragEvent} */ event) => command && event.preventDefault(),
    onDrop: (/** @type {DragEvent} */ event) => {
      event.preventDefault();
      const what = dragged.peek();
      dragged.value = null;
      if (command === "approve") return approve(what?.draft);
      const found = COMMANDS.find((one) => one.name === command);
      if (found) confirmed(found, what?.execution);
    },
  };
}

/** @param {{name: string}} props */
export function Column({ name }) {
  const ids = columns[name].value;
  const drop = target(name);
  return html`<section class=${`column is-${name}${drop.state}`} aria-label=${name} onDragOver=${drop.onDragOver} onDrop=${drop.onDrop}>
    <${Head} name=${name} />
    ${!arrived.value && html`<${Loading} />`}
    ${arrived.value && ids.length === 0 && html`<${Empty} title=${TEACH[name][0]} command=${TEACH[name][1]} />`}
    <${Lane} items=${ids} height=${HEIGHT} label=${name}>${name === "pending" ? inLine : inPlace}<//>
  </section>`;
}

/** @param {string} id @param {number} place */
const inLine = (id, place) => html`<${Card} key=${id} id=${id} place=${place} />`;
/** @param {string} id */
const inPlace = (id) => html`<${Card} key=${id} id=${id} place=${null} />`;

/** Drafts, those whose time has not come, and the schedules with their next time. */
export function Planning() {
  const delayed = columns.planning.value;
  const items = [...planned().map((draft) => ({ draft })), ...delayed.map((id) => ({ id })), ...scheduled().map((schedule) => ({ schedule }))];
  const drop = target("planning");
  return html`<section class=${`column is-planning${drop.state}`} aria-label="Planning" onDragOver=${drop.onDragOver} onDrop=${drop.onDrop}>
    <header><h2><span aria-hidden="true">◇</span> Planning</h2><span class="count">${items.length}</span><span class="muted">${next()}</span></header>
    ${items.length === 0 && html`<${Empty} title=${TEACH.planning[0]} command=${TEACH.planning[1]} />`}
    <${Lane} items=${items} height=${HEIGHT} label="planning">
      ${(/** @type {any} */ { draft, schedule, id }) => {
        if (draft) return html`<${DraftCard} key=${`draft ${draft.name}`} draft=${draft} />`;
        return schedule ? html`<${ScheduleCard} key=${`schedule ${schedule.name}`} schedule=${schedule} />` : inPlace(id);
      }}
    <//>
  </section>`;
}

/** When the first of them begins. */
function next() {
  const times = [...planned().map((one) => one.run_at), ...shown("planning").map((x) => x.due_at), ...scheduled().map((one) => one.next_at)];
  const first = Math.min(...times.flatMap((at) => (at ? Date.parse(at) : [])));
  return Number.isFinite(first) ? `next in ${span(Math.max(0, first - now.value))}` : "";
}

/** @param {{name: string}} props */
function Head({ name }) {
  return html`<header>
    <h2><${Status} status=${name} /></h2>
    <span class="count">${count(name)}</span>
    ${name === "failed" &&
    html`<button type="button" class="is-small" aria-pressed=${withCancelled.value ? "true" : "false"} onClick=${() => ask({ cancelled: withCancelled.value ? null : "show" })}>⊘ cancelled</button>`}
    <span class=${`muted${isLate(name) ? " is-late" : ""}`}>${summary(name)}</span>
  </header>`;
}

/** From the server where it counts by these filters; otherwise what is shown. @param {string} name */
function count(name) {
  const here = columns[name].value.length;
  const most = open.value?.most ?? 0;
  if (name === "pending" || name === "running") {
    // Of all that there are the board shows each at once; of more than it shows, the server knows the number.
    const all = open.value && !complete.value ? Math.max(open.value[name].count, here) : here;
    const told = most && all >= most ? `${grouped.format(most)}+` : grouped.format(all);
    return name === "running" && slots.value ? `${told}/${slots.value}` : told;
  }
  const figure = ended.value?.[/** @type {"completed" | "failed"} */ (name)];
  return figure === undefined ? grouped.format(here) : grouped.format(Math.max(figure, name === "failed" && withCancelled.value ? 0 : here));
}

/** @param {string} name */
function isLate(name) {
  const oldest = name === "pending" ? open.value?.pending.oldest : null;
  return Boolean(oldest && now.value - Date.parse(oldest) > 60_000);
}

/** @param {string} name */
function summary(name) {
  if (name === "pending") {
    const oldest = open.value?.pending.oldest;
    return oldest && columns.pending.value.length ? `oldest ${span(Math.max(0, now.value - Date.parse(oldest)))}` : "";
  }
  if (name === "running") {
    return waitingForPerson.value ? `${waitingForPerson.value} waiting for you` : "";
  }
  if (name === "failed") {
    const kinds = columns.failed.value.length && kindsOfError.value;
    return kinds ? `24 h · ${kinds} ${kinds === 1 ? "kind" : "kinds"} of error` : "24 h";
  }
  const took = ended.value?.duration;
  return took?.p50_ms == null ? "24 h" : `24 h · p50 ${span(took.p50_ms)} p95 ${span(took.p95_ms)}`;
}
