/** One line of a log: its number is its address; colours of a terminal, what is searched for, and JSON on demand. */

import { AnsiUp, html, useMemo } from "../vendor.js";
import { clock } from "../state/clock.js";

/** @param {{one: import("../state/log.js").Line | undefined, number: number, marked: boolean, sought: string, open: (line: any) => void}} props */
export function LogLine({ one, number, marked, sought, open }) {
  if (!one) return html`<div class="line is-coming" data-line=""><span class="number">${number}</span></div>`;
  return html`<div class=${`line is-${one.level}${marked ? " is-marked" : ""}`} title=${clock(one.time)} data-line=${one.line}>
    <a class="number" href=${`#L${one.line}`}>${one.line}</a>
    <span class="level" aria-label=${one.level}>${one.level[0].toUpperCase()}</span>
    ${isJson(one.text) && html`<button type="button" class="is-json" aria-label=${`JSON of line ${one.line}`} onClick=${() => open(one)}>{}</button>`}
    <span class="text">${sought ? html`<${Sought} text=${one.text} sought=${sought} />` : html`<${Ansi} text=${one.text} />`}</span>
  </div>`;
}

/** Whether a line is an object or a list, as programs log them. @param {string} text */
function isJson(text) {
  return /^\s*[{[].*[}\]]\s*$/s.test(text) && parsed(text) !== undefined;
}

/** @param {string} text @returns {any} undefined where it is none */
export function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The text without its colours, and each place of what is sought marked. @param {{text: string, sought: string}} props */
function Sought({ text, sought }) {
  const plain = text.replace(/\u001b\[[\d;]*m/g, "");
  const [low, needle] = [plain.toLowerCase(), sought.toLowerCase()];
  if (low.length !== plain.length) return plain;
  const parts = [];
  let at = 0;
  for (let hit = low.indexOf(needle); hit >= 0; hit = low.indexOf(needle, at)) {
    parts.push(plain.slice(at, hit), html`<mark>${plain.slice(hit, hit + needle.length)}</mark>`);
    at = hit + needle.length;
  }
  return [...parts, plain.slice(at)];
}

/** Colours of a terminal as elements: the text itself only ever becomes text nodes. @param {{text: string}} props */
function Ansi({ text }) {
  const parts = useMemo(() => (text.includes("\u001b") ? colours(text) : null), [text]);
  return parts === null ? text : parts.map(({ style, text: piece }) => html`<span style=${style}>${piece}</span>`);
}

/**
 * The pieces of a line with their colours. The library writes them as style attributes, which the page's policy forbids
 * even to a parser; under another name they are only data. In the text itself quotes are escaped.
 * @param {string} text @returns {{style: Record<string, string>, text: string}[]}
 */
function colours(text) {
  const marked = new AnsiUp().ansi_to_html(text).replaceAll(' style="', ' data-style="');
  const body = new DOMParser().parseFromString(marked, "text/html").body;
  return [...body.childNodes].map((node) => ({
    text: node.textContent ?? "",
    style: node instanceof HTMLElement ? styles(node.dataset.style ?? "") : {},
  }));
}

const ALLOWED = ["color", "background-color", "font-weight", "font-style", "text-decoration"];

/** @param {string} text as in a style attribute @returns {Record<string, string>} */
function styles(text) {
  const pairs = text.split(";").map((part) => part.split(":").map((word) => word.trim()));
  return Object.fromEntries(pairs.filter(([name, value]) => ALLOWED.includes(name) && value));
}
