/** What keeps work from flowing, in words, with what helps: queues in which something waits and nothing starts. */

import { html } from "../vendor.js";
import { since } from "../state/clock.js";
import { stuck } from "../state/figures.js";

const MOST = 3;

export function Health() {
  if (stuck.value.length === 0) return null;
  return html`<div class="health" role="status">
    ${stuck.value.slice(0, MOST).map(
      ({ name, why, waiting, oldest, command }) => html`<p key=${name}>
        <strong>⚠ ${name}: ${why}</strong>, ${waiting} ${waiting === 1 ? "waits" : "wait"}${oldest && `, the first since ${since(oldest)}`} → <code>${command}</code>
      </p>`,
    )}
    ${stuck.value.length > MOST && html`<p><a href="/queues">and ${stuck.value.length - MOST} more queues</a></p>`}
  </div>`;
}
