/** Ctrl-K: pages, executions by id or task, and commands, in one list. `?`: what the keys do. */

import { computed, html, signal, useEffect, useRef } from "../vendor.js";
import { get } from "../net/api.js";
import { cardOf } from "../state/board.js";
import { go } from "../state/route.js";
import { chosen } from "../state/selection.js";
import { may } from "../state/session.js";
import { toAll } from "./bulk_bar.js";
import { commandsFor, confirmed } from "./commands.js";

/** @typedef {{kind: string, label: string, run: () => void}} Entry */

/** "", "go" or "keys". */
const shown = signal("");
const typed = signal("");
const at = signal(0);
/** Executions that the server has found for what was typed. @type {import("../vendor.js").Signal<Entry[]>} */
const found = signal([]);
const MOST = 12;
const PAUSE = 150;

/** @type {[string, string][]} */
const KEYS = [
  ["Ctrl-K", "go to a page or an execution, or do something"],
  ["?", "this list"],
  ["/", "filter the board"],
  ["j k h l", "move over the cards (arrows do too)"],
  ["Enter", "open the chosen one"],
  ["Space", "look at it in the side panel"],
  ["x", "mark it for a command on many"],
  [".", "its menu"],
  ["r", "retry"],
  ["c", "cancel"],
  ["p", "pause or resume"],
  ["m", "move to another queue or priority"],
  ["e", "run again with other input"],
  ["a", "approve a draft"],
  ["Esc", "close, unmark, leave"],
];

export function showKeys() {
  shown.value = "keys";
}

export function showPalette() {
  typed.value = "";
  at.value = 0;
  found.value = [];
  shown.value = "go";
}

export function watchPalette() {
  addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(/** @type {Element} */ (event.target).tagName);
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") showPalette();
    else if (event.key === "?" && !typing) showKeys();
    else return;
    event.preventDefault();
  });
}

/** @param {{pages: [string, string, any][], more: [string, () => void][]}} props */
export function Palette({ pages, more }) {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const ours = useRef(false);
  useEffect(() => {
    if (shown.value) box.current?.showModal();
    else if (box.current?.open) {
      ours.current = true;
      box.current.close();
    }
  }, [shown.value]);
  useEffect(() => searched(typed.value), [typed.value]);

  /** The event comes a moment after the end, and by then it may be wanted again: only another's end counts. */
  function closed() {
    if (!ours.current) shown.value = "";
    ours.current = false;
  }

  return html`<dialog ref=${box} class="palette" aria-label="Commands" onClose=${closed}>
    ${shown.value === "go" && html`<${Places} all=${[...pages.map(placeOf), ...onChosen(), ...bulk(), ...more.map(commandOf)]} />`}
    ${shown.value === "keys" &&
    html`<table class="keys">
      <tbody>${KEYS.map(([key, does]) => html`<tr><th><kbd>${key}</kbd></th><td>${does}</td></tr>`)}</tbody>
    </table>`}
  </dialog>`;
}

/** @param {{all: Entry[]}} props */
function Places({ all }) {
  const words = text.value.split(/\s+/);
  const fitting = all.filter(({ label }) => words.every((word) => label.toLowerCase().includes(word)));
  const entries = [...fitting, ...found.value].slice(0, MOST);
  const current = Math.min(at.value, entries.length - 1);

  /** @param {KeyboardEvent} event */
  function pressed(event) {
    if (event.key === "ArrowDown") at.value = Math.min(entries.length - 1, current + 1);
    else if (event.key === "ArrowUp") at.value = Math.max(0, current - 1);
    else if (event.key === "Enter") entries[current] ? run(entries[current]) : undefined;
    else return;
    event.preventDefault();
  }

  return html`<input
      role="combobox" aria-expanded="true" aria-controls="places" aria-activedescendant=${current >= 0 ? `place-${current}` : undefined}
      placeholder="a page, an id, a task, a command" aria-label="Where to, or what" autofocus autocomplete="off"
      value=${typed.value} onInput=${(/** @type {any} */ event) => ((typed.value = event.target.value), (at.value = 0))} onKeyDown=${pressed}
    />
    <ul id="places" role="listbox" aria-label="Places and commands">
      ${entries.map(
        (entry, place) => html`<li id=${`place-${place}`} role="option" aria-selected=${place === current ? "true" : "false"} onClick=${() => run(entry)}>
          <span>${entry.label}</span> <span class="muted">${entry.kind}</span>
        </li>`,
      )}
    </ul>
    ${entries.length === 0 && html`<p class="empty">Nothing is called so.</p>`}`;
}

const text = computed(() => typed.value.trim().toLowerCase());

/** @param {Entry} entry */
function run(entry) {
  shown.value = "";
  entry.run();
}

/** @param {[string, string, any]} page @returns {Entry} */
function placeOf([address, name]) {
  return { kind: "page", label: name, run: () => go(address) };
}

/** @param {[string, () => void]} command @returns {Entry} */
function commandOf([label, does]) {
  return { kind: "command", label, run: does };
}

/** Commands on the chosen card. @returns {Entry[]} */
function onChosen() {
  const x = chosen.value ? cardOf(chosen.value)?.value : undefined;
  if (!x) return [];
  return commandsFor(x).map((command) => ({ kind: `${x.task} ${x.id.slice(-6)}`, label: command.label, run: () => confirmed(command, x) }));
}

/** Commands on all that the filters of the board find. @returns {Entry[]} */
function bulk() {
  if (!may("operate") || location.pathname !== "/") return [];
  return ["retry", "pause", "resume", "cancel"].map((action) => ({
    kind: "all that the filters find",
    label: `${action[0].toUpperCase()}${action.slice(1)} all`,
    run: () => void toAll(action),
  }));
}

/** Asks the server for executions, once nothing has been typed for a moment. @param {string} wanted */
function searched(wanted) {
  const q = wanted.trim();
  if (!q) {
    found.value = [];
    return undefined;
  }
  let gone = false;
  const timer = setTimeout(() => {
    get("/executions", { q, limit: 8 }).then(
      (page) => gone || (found.value = page.items.map((x) => ({ kind: x.status, label: `${x.task} ${x.id}`, run: () => go(`/x/${x.id}`) }))),
      () => gone || (found.value = []),
    );
  }, PAUSE);
  return () => {
    gone = true;
    clearTimeout(timer);
  };
}
