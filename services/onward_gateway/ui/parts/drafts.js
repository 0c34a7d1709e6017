/** Planning: drafts, until they are approved, which dragging one to the pending does; and schedules with their next time. */

import { html, signal } from "../vendor.js";
import { get, post } from "../net/api.js";
import { filters } from "../state/filters.js";
import { since } from "../state/clock.js";
import { may } from "../state/session.js";
import { dragged } from "../state/selection.js";
import { askFor } from "./dialog.js";

/** @typedef {import("../types.js").DraftView} Draft */
/** @typedef {import("../types.js").ScheduleView} Schedule */

const EVERY = 5000;
const PLANNED = ["planned", "approved"];

/** @type {import("../vendor.js").Signal<Draft[]>} */
const all = signal([]);
/** @type {import("../vendor.js").Signal<Schedule[]>} */
const timed = signal([]);

/** Looks at the drafts now and then. @returns {() => void} */
export function watchDrafts() {
  look();
  const timer = setInterval(look, EVERY);
  return () => clearInterval(timer);
}

function look() {
  if (document.hidden) return;
  get("/drafts", { limit: 200 }).then((page) => (all.value = page.items.filter((one) => PLANNED.includes(one.state))), () => {});
  get("/schedules", { limit: 200 }).then((page) => (timed.value = page.items.filter((one) => one.next_at && !one.paused)), () => {});
}

/** Those that the filters of the board leave. */
export function planned() {
  const known = filters.value.filter(({ name, not }) => !not && ["task", "queue", "environment"].includes(name));
  return all.value.filter((draft) => known.every(({ name, value }) => /** @type {any} */ (draft)[name] === value));
}

/** The schedules that will fire, the next first. */
export function scheduled() {
  if (filters.value.length > 0) return [];
  return [...timed.value].sort((one, other) => String(one.next_at).localeCompare(String(other.next_at)));
}

/** @param {{schedule: Schedule}} props */
export function ScheduleCard({ schedule }) {
  return html`<article class="card is-draft" role="listitem" data-schedule=${schedule.name}>
    <h3><a href=${`/schedules#${schedule.name}`}>${schedule.name}</a></h3>
    <p>${schedule.words}</p>
    <p class="line">◷ ${since(schedule.next_at)}</p>
  </article>`;
}

/** @param {{draft: Draft}} props */
export function DraftCard({ draft }) {
  const after = draft.depends_on.length;
  return html`<article
    class="card is-draft" role="listitem" tabindex="0" data-draft=${draft.name} draggable=${draft.state === "planned"}
    onDragStart=${(/** @type {DragEvent} */ event) => (event.dataTransfer?.setData("text/plain", draft.name), (dragged.value = { draft }))}
    onDragEnd=${() => (dragged.value = null)}
    onKeyDown=${(/** @type {KeyboardEvent} */ event) => event.key === "a" && !event.ctrlKey && !event.metaKey && (event.preventDefault(), approve(draft))}
  >
    <h3>${draft.title ?? draft.name}</h3>
    <p>${draft.task ?? draft.agent ?? draft.team}${draft.run_at && ` · ${since(draft.run_at)}`}${after > 0 && ` · after ${after} others`}</p>
    ${draft.state === "planned" && may("submit")
      ? html`<button type="button" class="is-small" onClick=${() => approve(draft)}>Approve <kbd>a</kbd></button>`
      : html`<p class="line">? ${draft.state === "planned" ? "awaits approval" : draft.state}</p>`}
  </article>`;
}

/** @param {Draft} draft */
export function approve(draft) {
  if (draft.state !== "planned" || !may("submit")) return;
  askFor({
    title: `Approve ${draft.title ?? draft.name}?`,
    body: html`<p class="muted">${draft.task ?? draft.agent ?? draft.team} is submitted${draft.depends_on.length > 0 && ", once what it depends on has completed"}.</p>`,
    confirm: "Approve it",
    onConfirm: async () => {
      await post(`/drafts/${draft.name}/approve`);
      look();
    },
  });
}
