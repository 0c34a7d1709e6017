/** Which time a page is about, chosen by name; the address keeps it. */

import { html } from "../vendor.js";
import { PERIODS } from "../state/analysis.js";
import { clock } from "../state/clock.js";
import { ask, query } from "../state/route.js";

/** @param {{usual: string, time: any}} props */
export function Period({ usual, time }) {
  const chosen = time.fixed ? "" : (query.value.get("period") ?? usual);
  return html`<select aria-label="Time" value=${chosen} onChange=${(/** @type {any} */ event) => ask({ period: event.target.value, since: null, until: null })}>
    ${time.fixed && html`<option value="">${clock(time.since)} – ${clock(time.until)}</option>`}
    ${Object.entries(PERIODS).map(([name, [says]]) => html`<option value=${name} selected=${name === chosen}>${says}</option>`)}
  </select>`;
}

/** Filters of the address by these names. @param {{names: string[]}} props */
export function Narrow({ names }) {
  return names.map((name) => html`<input key=${name} aria-label=${says(name)} placeholder=${says(name)} value=${query.value.get(name) ?? ""} onChange=${(/** @type {any} */ event) => ask({ [name]: event.target.value.trim() })} />`);
}

/** @param {string} name */
export function says(name) {
  return name === "agent_id" ? "agent" : name;
}
