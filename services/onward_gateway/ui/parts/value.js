/** JSON as people read it: folded where it is long, never as HTML. */

import { html } from "../vendor.js";

const LONG = 4000;

/** @param {{title: string, value: any, copy?: boolean}} props */
export function Value({ title, value }) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  const short = text.length > LONG ? `${text.slice(0, LONG)}\n… ${text.length - LONG} characters more` : text;
  return html`<section class="value">
    <header>
      <h3>${title}</h3>
      <button type="button" class="is-quiet" onClick=${() => navigator.clipboard.writeText(text)}>Copy</button>
    </header>
    <pre tabindex="0">${short}</pre>
  </section>`;
}
