/** The menu of a card: the commands that fit it, with their keys; the same that dragging and the keys do. */

import { html, signal, useEffect, useRef } from "../vendor.js";
import { cardOf } from "../state/board.js";
import { go } from "../state/route.js";
import { chosen, mark, peeked } from "../state/selection.js";
import { commandsFor, confirmed } from "./commands.js";

/** @type {import("../vendor.js").Signal<{id: string, left: number, top: number} | null>} */
const open = signal(null);

/** @param {string} id @param {number} left @param {number} top */
export function openMenu(id, left, top) {
  chosen.value = id;
  open.value = { id, left, top };
}

export function CardMenu() {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const at = open.value;
  const x = at ? cardOf(at.id)?.value : undefined;
  useEffect(() => {
    if (!at) return;
    box.current?.querySelector("button")?.focus();
    const away = (/** @type {Event} */ event) => box.current?.contains(/** @type {Node} */ (event.target)) || close();
    addEventListener("pointerdown", away);
    return () => removeEventListener("pointerdown", away);
  }, [at]);
  if (!at || !x) return null;
  const place = { left: `${Math.min(at.left, innerWidth - 240)}px`, top: `${Math.min(at.top, innerHeight - 280)}px` };
  const entries = [
    { label: "Open", key: "Enter", danger: false, run: () => go(`/x/${x.id}`) },
    { label: "Look at it here", key: "Space", danger: false, run: () => (peeked.value = x.id) },
    { label: "Mark", key: "x", danger: false, run: () => mark(x.id) },
    ...commandsFor(x).map((command) => ({ ...command, run: () => confirmed(command, x) })),
  ];
  return html`<div class="menu" role="menu" aria-label=${`Commands for ${x.task}`} ref=${box} style=${place} onKeyDown=${moved}>
    ${entries.map(
      ({ label, key, danger, run }) => html`<button type="button" role="menuitem" class=${danger ? "is-danger" : ""} onClick=${() => (close(), run())}>
        ${label} <kbd>${key}</kbd>
      </button>`,
    )}
  </div>`;
}

function close() {
  const id = open.peek()?.id;
  open.value = null;
  if (id) requestAnimationFrame(() => document.activeElement === document.body && /** @type {HTMLElement | null} */ (document.querySelector(`[data-id="${id}"]`))?.focus());
}

/** @param {KeyboardEvent} event */
function moved(event) {
  const all = [.../** @type {HTMLElement} */ (event.currentTarget).querySelectorAll("button")];
  const at = all.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
  const by = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  if (by) all[(at + by + all.length) % all.length].focus();
  else if (event.key === "Escape" || event.key === "Tab") close();
  else if (event.key !== "Enter" && event.key !== " ") return;
  event.stopPropagation();
  if (event.key !== "Enter" && event.key !== " ") event.preventDefault();
}
