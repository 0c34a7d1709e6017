/** What is shown once and never again: a key, a secret. */

import { html } from "../vendor.js";
import { askFor } from "./dialog.js";
import { tell } from "./notice.js";

/** @param {string} title @param {string} text */
export function showOnce(title, text) {
  askFor({
    title,
    body: html`<p>It is shown this once. Keep it where your other secrets are.</p>
      <pre class="once"><code>${text}</code></pre>
      <button type="button" onClick=${() => navigator.clipboard?.writeText(text).then(() => tell("Copied"))}>Copy</button>`,
    confirm: "I have it",
    onConfirm: () => undefined,
  });
}
