/** One execution on the board: what matters most in its state; it is dragged, chosen, marked, and has a menu. */

import { html, useEffect, useRef } from "../vendor.js";
import { cardOf, moved, needsPerson } from "../state/board.js";
import { since } from "../state/clock.js";
import { hindered } from "../state/figures.js";
import { glanceOf, inSight } from "../state/glance.js";
import { chosen, dragged, mark, marked, peeked } from "../state/selection.js";
import { openMenu } from "./card_menu.js";
import { Took } from "./status.js";

/** @typedef {import("../types.js").ExecutionView} Execution */

const FLASH = 600;

/** @param {{id: string, place: number | null}} props its place in the line, where there is one */
export function Card({ id, place }) {
  const element = useRef(/** @type {HTMLElement | null} */ (null));
  const x = cardOf(id)?.value;
  const isChosen = chosen.value === id;
  useEffect(() => {
    // A card that goes to another column takes the focus with it.
    if (chosen.peek() === id && document.activeElement === document.body) element.current?.focus();
  }, []);
  if (!x) return null;
  const flashes = Date.now() - (moved.get(id) ?? 0) < FLASH;
  const isMarked = marked.value.has(id);
  const labels = Object.entries(x.labels).slice(0, 2).map(([name, value]) => `${name}=${value}`).join(" ");
  return html`<article
    ref=${element}
    class=${`card is-${x.status}${isChosen ? " is-chosen" : ""}${isMarked ? " is-marked" : ""}${flashes ? " has-moved" : ""}`}
    role="listitem" tabindex="0" draggable="true" data-id=${id} data-version=${x.version} data-marked=${isMarked ? "yes" : undefined}
    onClick=${pressed} onFocus=${focused} onDragStart=${taken} onDragEnd=${letGo}
  >
    <h3>
      <a href=${`/x/${id}`}>${x.task}</a> <span class="id">${id.slice(-6)}</span>
      ${needsPerson(x) && html` <span class="badge is-needs-you">? needs you</span>`}${x.stalled && html` <span class="badge is-stalled">⚠ ${x.stalled.because}</span>`}
      <button type="button" class="more" aria-label=${`Commands for ${x.task} ${id.slice(-6)}`} aria-haspopup="menu" onClick=${menu}>⋯</button>
    </h3>
    <p>${isMarked && html`<span class="badge">☑ marked</span> `}<${Took} execution=${x} />${x.attempt > 1 && ` · try ${x.attempt} of ${x.max_attempts}`}${labels && html` <span class="label">${labels}</span>`}</p>
    <${Body} x=${x} place=${place} />
  </article>`;
}

/** The last lines: what matters most in that state. @param {{x: Execution, place: number | null}} props */
function Body({ x, place }) {
  if (x.status === "running") return html`<${Running} x=${x} />`;
  return html`<p class="line">${line(x, place)}</p>`;
}

/** @param {Execution} x @param {number | null} place */
function line(x, place) {
  if (x.reason === "delayed") return `◷ ${since(x.due_at)} · ${x.queue}`;
  if (x.status === "pending") return `#${(place ?? 0) + 1} in ${x.queue}${because(x)}${x.due_at ? ` · ${since(x.due_at)}` : ""}`;
  if (x.status === "failed") return `${x.error?.type}: ${x.error?.message}`;
  if (x.status === "cancelled") return `⊘ cancelled${x.reason ? `: ${x.reason}` : ""}`;
  return x.output === null ? "✓" : JSON.stringify(x.output).slice(0, 80);
}

/** @param {string | null} worker its whole id stands in the side panel */
function shortOf(worker) {
  return worker ? `w-${worker.slice(-6)}` : "";
}

/** @param {Execution} x */
function because(x) {
  const why = x.reason === "queued" ? hindered.value.get(x.queue) : undefined;
  if (why) return ` · ${why}`;
  return x.reason && x.reason !== "queued" ? ` · ${x.reason.replaceAll("_", " ")}` : "";
}

/** Step, progress and last log line of one that is in sight. @param {{x: Execution}} props */
function Running({ x }) {
  useEffect(() => inSight(x.id), [x.id]);
  const glance = glanceOf(x.id);
  const fraction = x.progress?.fraction ?? null;
  const what = x.reason !== "executing" ? x.reason?.replaceAll("_", " ") : (x.progress?.message ?? (glance?.step ? `after ${glance.step}` : `on ${shortOf(x.worker_id)}`));
  return html`<p class="line">
      ${fraction !== null && html`<progress max="1" value=${fraction} aria-label="progress"></progress> `}
      ${what}${glance?.steps ? ` · ${glance.steps} steps` : ""}${x.progress?.message || glance?.step ? ` · ${shortOf(x.worker_id)}` : ""}
    </p>
    ${glance?.line && html`<p class="last" title=${glance.line}>› ${glance.line}</p>`}`;
}

/** @param {Event} event */
function idOf(event) {
  return /** @type {HTMLElement} */ (event.currentTarget).closest("[data-id]")?.getAttribute("data-id") ?? "";
}

/** @param {MouseEvent} event */
function pressed(event) {
  if (event.defaultPrevented) return;
  const id = idOf(event);
  chosen.value = id;
  if (event.ctrlKey || event.metaKey || event.shiftKey) mark(id);
  else peeked.value = id;
}

/** @param {Event} event */
function focused(event) {
  chosen.value = idOf(event);
}

/** @param {MouseEvent} event */
function menu(event) {
  event.preventDefault();
  event.stopPropagation();
  const { left, bottom } = /** @type {HTMLElement} */ (event.currentTarget).getBoundingClientRect();
  openMenu(idOf(event), left, bottom);
}

/** @param {DragEvent} event */
function taken(event) {
  const id = idOf(event);
  event.dataTransfer?.setData("text/plain", id);
  dragged.value = { execution: cardOf(id)?.peek() };
}

function letGo() {
  dragged.value = null;
}
