/** JSON that unfolds: members on demand, values as text, the path of each copied by its button. */

import { html, useState } from "../vendor.js";
import { tell } from "./notice.js";

/** Members shown of one object or list before somebody asks for more. */
const MOST = 100;
const LONG = 2000;

/** @param {{value: any, name?: string, path?: string, open?: number}} props `open`: so many levels are unfolded at first */
export function JsonTree({ value, name = "", path = "$", open = 2 }) {
  const holds = value !== null && typeof value === "object";
  return html`<div class="json">${holds ? html`<${Folded} value=${value} name=${name} path=${path} open=${open} />` : html`<${Leaf} value=${value} name=${name} path=${path} />`}</div>`;
}

/** @param {{value: any, name: string, path: string, open: number}} props */
function Folded({ value, name, path, open }) {
  const [isOpen, setOpen] = useState(open > 0);
  const [most, setMost] = useState(MOST);
  const isList = Array.isArray(value);
  const members = isOpen ? Object.entries(value) : [];
  const count = isList ? value.length : Object.keys(value).length;
  return html`<details open=${isOpen} onToggle=${(/** @type {any} */ event) => setOpen(event.currentTarget.open)}>
    <summary>${name && html`<span class="name">${name}</span>: `}<span class="muted">${isList ? `[${count}]` : `{${count}}`}</span></summary>
    ${isOpen && html`<ul>
      ${members.slice(0, most).map(([key, one]) => html`<li key=${key}><${JsonTree} value=${one} name=${key} path=${within(path, key, isList)} open=${open - 1} /></li>`)}
      ${members.length > most && html`<li><button type="button" class="is-small" onClick=${() => setMost(most + 10 * MOST)}>${(members.length - most).toLocaleString()} more</button></li>`}
    </ul>`}
  </details>`;
}

/** @param {{value: any, name: string, path: string}} props */
function Leaf({ value, name, path }) {
  const [whole, setWhole] = useState(false);
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const shown = whole || text.length <= LONG ? text : `${text.slice(0, LONG)} …`;
  return html`<span class="leaf">${name && html`<span class="name">${name}</span>: `}<span class=${`is-${value === null ? "null" : typeof value}`}>${shown}</span>
    ${shown !== text && html` <button type="button" class="is-small" onClick=${() => setWhole(true)}>all ${text.length.toLocaleString()} characters</button>`}
    ${path !== "$" && html` <button type="button" class="path" aria-label=${`Copy the path ${path}`} title=${path} onClick=${() => copied(path)}>⧉</button>`}</span>`;
}

/** @param {string} path @param {string} key @param {boolean} isList */
function within(path, key, isList) {
  if (isList) return `${path}[${key}]`;
  return /^[A-Za-z_]\w*$/.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`;
}

/** @param {string} path */
async function copied(path) {
  await navigator.clipboard.writeText(path);
  tell(`${path} is copied`);
}
