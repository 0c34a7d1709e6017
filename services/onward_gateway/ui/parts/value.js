/** A value as people read it: JSON that unfolds, or text; copied as a whole; never as HTML. */

import { html } from "../vendor.js";
import { JsonTree } from "./json_tree.js";

const LONG = 4000;

/** @param {{title: string, value: any}} props */
export function Value({ title, value }) {
  const isText = typeof value === "string";
  const text = isText ? value : JSON.stringify(value, null, 2);
  const short = text.length > LONG ? `${text.slice(0, LONG)}\n… ${text.length - LONG} characters more` : text;
  return html`<section class="value" aria-label=${title}>
    <header>
      <h3>${title}</h3>
      <button type="button" class="is-quiet" onClick=${() => navigator.clipboard.writeText(text)}>Copy</button>
    </header>
    ${isText || value === null || typeof value !== "object" ? html`<pre tabindex="0">${short}</pre>` : html`<${JsonTree} value=${value} />`}
  </section>`;
}
