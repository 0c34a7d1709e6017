/** Below a table that holds more than it shows. */

import { html } from "../vendor.js";

/** @param {{shown: number | undefined, showMore: (() => void) | null}} props */
export function More({ shown, showMore }) {
  return showMore && html`<p class="buttons"><span class="muted" role="status">The first ${shown} are shown.</span> <button type="button" onClick=${showMore}>Show more</button></p>`;
}
