/** The board by keyboard: moving over the cards, marking them, and the commands on the chosen one. */

import { COLUMNS, cardOf, columnOf, columns } from "../state/board.js";
import { go } from "../state/route.js";
import { chosen, mark, marked, peeked, unmarkAll } from "../state/selection.js";
import { openMenu } from "./card_menu.js";
import { HEIGHT } from "./column.js";
import { commandsFor, confirmed } from "./commands.js";

/** @type {Record<string, [number, number]>} */
const STEPS = { j: [0, 1], k: [0, -1], h: [-1, 0], l: [1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

/** @returns {() => void} ends it */
export function watchKeys() {
  addEventListener("keydown", pressed);
  return () => removeEventListener("keydown", pressed);
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  const target = /** @type {Element} */ (event.target);
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return;
  if (target.closest("dialog, [role=menu]")) return;
  const onCard = target.classList.contains("card") || target === document.body;
  const id = chosen.peek();
  const x = id === null ? null : (cardOf(id)?.peek() ?? null);
  if (event.key === "/") document.getElementById("filter")?.focus();
  else if (event.key === "Escape") leave();
  else if (STEPS[event.key]) step(x, ...STEPS[event.key]);
  else if (!x || !id || !onCard) return;
  else if (event.key === "Enter") go(`/x/${id}`);
  else if (event.key === " ") peeked.value = peeked.peek() === id ? null : id;
  else if (event.key === "x") mark(id);
  else if (event.key === ".") menuOf(id);
  else {
    const command = commandsFor(x).find((one) => one.key === event.key);
    if (!command) return;
    confirmed(command, x);
  }
  event.preventDefault();
}

function leave() {
  if (peeked.peek()) peeked.value = null;
  else if (marked.peek().size) unmarkAll();
  else chosen.value = null;
}

/** @param {string} id */
function menuOf(id) {
  const box = elementOf(id)?.getBoundingClientRect();
  openMenu(id, box?.left ?? 0, box?.top ?? 0);
}

/** @param {string} id @returns {HTMLElement | null} */
function elementOf(id) {
  return document.querySelector(`[data-id="${id}"]`);
}

/** @param {import("../types.js").ExecutionView | null} from @param {number} across @param {number} down */
function step(from, across, down) {
  const column = from ? COLUMNS.indexOf(columnOf(from)) : 0;
  const row = from ? columns[COLUMNS[column]].peek().indexOf(from.id) : -1;
  let next = column;
  do next += across;
  while (across && COLUMNS[next] && columns[COLUMNS[next]].peek().length === 0);
  const ids = columns[COLUMNS[next]]?.peek() ?? [];
  const at = Math.max(0, Math.min(ids.length - 1, row + down));
  const id = ids[at];
  if (!id) return;
  chosen.value = id;
  // What is out of sight is not there yet: its column is scrolled first.
  if (!elementOf(id)) document.querySelector(`.column.is-${COLUMNS[next]} .lane`)?.scrollTo({ top: at * HEIGHT - HEIGHT });
  requestAnimationFrame(() => requestAnimationFrame(() => elementOf(id)?.focus()));
}
