/** The board in lanes: one row for each queue, task, agent, environment or value of a label; folded ones go on counting. */

import { computed, html, signal } from "../vendor.js";
import { COLUMNS, cardOf, columns } from "../state/board.js";
import { query } from "../state/route.js";
import { Card } from "./card.js";
import { HEIGHT, target } from "./column.js";
import { Lane } from "./lane.js";
import { Status } from "./status.js";

export const BY = ["queue", "task", "agent_id", "environment", "worker_id", "error"];
const OPEN_AT_FIRST = 6;

export const lanesBy = computed(() => query.value.get("lanes") ?? "");

/** Lanes that somebody has folded or opened. @type {import("../vendor.js").Signal<ReadonlyMap<string, boolean>>} */
const folded = signal(new Map());

/** @param {string} by @param {string} id */
function laneOf(by, id) {
  const x = /** @type {any} */ (cardOf(id)?.peek());
  if (!x) return "–";
  if (by === "error") return x.error ? `${x.error.type}: ${x.error.message}`.slice(0, 80) : "–";
  return String((by.startsWith("label:") ? x.labels[by.slice(6)] : x[by]) ?? "–");
}

const lanes = computed(() => {
  const by = lanesBy.value;
  /** @type {Map<string, Record<string, string[]>>} */
  const found = new Map();
  for (const name of COLUMNS) {
    for (const id of columns[name].value) {
      const lane = laneOf(by, id);
      if (!found.has(lane)) found.set(lane, Object.fromEntries(COLUMNS.map((one) => [one, []])));
      found.get(lane)?.[name].push(id);
    }
  }
  return [...found].sort(([one], [other]) => one.localeCompare(other, undefined, { numeric: true }));
});

export function SwimLanes() {
  return html`<div class="swim" role="region" aria-label="Lanes" tabindex="0">
    ${lanes.value.map(([lane, cells], at) => html`<${SwimLane} key=${lane} lane=${lane} cells=${cells} isOpen=${!(folded.value.get(lane) ?? at >= OPEN_AT_FIRST)} />`)}
    ${lanes.value.length === 0 && html`<p class="empty">Nothing to put into lanes.</p>`}
  </div>`;
}

/** @param {{lane: string, cells: Record<string, string[]>, isOpen: boolean}} props */
function SwimLane({ lane, cells, isOpen }) {
  const most = Math.max(...COLUMNS.map((name) => cells[name].length));
  const height = `${Math.min(3, Math.max(1, most)) * HEIGHT + 8}px`;
  return html`<section class="swim-lane" aria-label=${lane}>
    <header>
      <button type="button" class="is-quiet" aria-expanded=${isOpen ? "true" : "false"} onClick=${() => (folded.value = new Map(folded.value).set(lane, isOpen))}>
        <span aria-hidden="true">${isOpen ? "▾" : "▸"}</span> ${lane}
      </button>
      ${COLUMNS.map((name) => html`<span class="number"><${Status} status=${name} /> ${cells[name].length}</span>`)}
    </header>
    ${isOpen && html`<div class="cells" style=${{ height }}>${COLUMNS.map((name) => html`<${Cell} name=${name} lane=${lane} ids=${cells[name]} />`)}</div>`}
  </section>`;
}

/** @param {{name: string, lane: string, ids: string[]}} props */
function Cell({ name, lane, ids }) {
  const drop = target(name);
  return html`<div class=${`cell is-${name}${drop.state}`} onDragOver=${drop.onDragOver} onDrop=${drop.onDrop}>
    <${Lane} items=${ids} height=${HEIGHT} label=${`${name} of ${lane}`}>
      ${(/** @type {string} */ id, /** @type {number} */ place) => html`<${Card} key=${id} id=${id} place=${name === "pending" ? place : null} />`}
    <//>
  </div>`;
}
