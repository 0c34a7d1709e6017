/** Ctrl-K: go to a page, or to an execution by its id. `?`: what the keys do. */

import { html, signal, useEffect, useRef } from "../vendor.js";
import { get } from "../net/api.js";
import { go } from "../state/route.js";
import { tell } from "./notice.js";

/** "", "go" or "keys". */
const shown = signal("");

const KEYS = [
  ["Ctrl-K", "go to a page or an execution"],
  ["/", "filter the board"],
  ["j k h l", "move over the cards"],
  ["Enter", "open the chosen one"],
  ["r", "retry"],
  ["c", "cancel"],
  ["p", "pause or resume"],
  ["e", "run again with other input"],
  ["Esc", "close"],
];

export function watchPalette() {
  addEventListener("keydown", (event) => {
    const typing = /^(INPUT|TEXTAREA|SELECT)$/.test(/** @type {Element} */ (event.target).tagName);
    if ((event.ctrlKey || event.metaKey) && event.key === "k") shown.value = "go";
    else if (event.key === "?" && !typing) shown.value = "keys";
    else return;
    event.preventDefault();
  });
}

/** @param {{pages: [string, string, any][]}} props */
export function Palette({ pages }) {
  const box = useRef(/** @type {HTMLDialogElement | null} */ (null));
  useEffect(() => {
    if (shown.value) box.current?.showModal();
    else box.current?.close();
  }, [shown.value]);

  /** @param {SubmitEvent} event */
  async function chosen(event) {
    event.preventDefault();
    const text = String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("to")).trim().toLowerCase();
    const page = pages.find(([, name]) => name.toLowerCase().startsWith(text));
    shown.value = "";
    if (!text) return;
    if (page) return go(page[0]);
    try {
      const found = (await get("/executions", { q: text, limit: 1 })).items[0];
      if (found) go(`/x/${found.id}`);
      else tell(`Nothing is called ${text}`, true);
    } catch (error) {
      tell(/** @type {Error} */ (error).message, true);
    }
  }

  return html`<dialog ref=${box} class="palette" aria-label="Commands" onClose=${() => (shown.value = "")}>
    ${shown.value === "go" &&
    html`<form onSubmit=${chosen}>
      <input name="to" list="places" placeholder="a page, an id, or a task" aria-label="Where to" autofocus autocomplete="off" />
      <datalist id="places">${pages.map(([, name]) => html`<option value=${name}></option>`)}</datalist>
    </form>`}
    ${shown.value === "keys" &&
    html`<table class="keys">
      <tbody>${KEYS.map(([key, does]) => html`<tr><th><kbd>${key}</kbd></th><td>${does}</td></tr>`)}</tbody>
    </table>`}
  </dialog>`;
}
