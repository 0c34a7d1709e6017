/** How much happens at which hour of which weekday: a table whose cells are numbers, and darker where there is more. */

import { html } from "../vendor.js";
import { byWeekday, zoneName } from "../state/analysis.js";
import { Counted } from "./chart.js";

const SHADES = 4;
const short = new Intl.NumberFormat("en", { notation: "compact" });

/** @param {{title: string, items: any[], metric: string, list: (span: any) => string}} props */
export function Heat({ title, items, metric, list }) {
  const rows = byWeekday(items, metric);
  const most = Math.max(1, ...rows.flatMap(({ cells }) => cells.map(({ count }) => count)));
  return html`<div class="scroll" role="region" aria-label=${title} tabindex="0"><table class="heat">
    <caption>${title} <span class="muted">${zoneName()}</span></caption>
    <thead><tr><th><span class="unseen">Day</span></th>${Array.from({ length: 24 }, (_, hour) => html`<th scope="col">${String(hour).padStart(2, "0")}</th>`)}</tr></thead>
    <tbody>${rows.map(({ day, cells }) => html`<tr key=${day}><th scope="row">${day}</th>${cells.map(({ count, spans }) => html`<td class=${`shade-${Math.ceil((count / most) * SHADES)}`}>
      ${count ? html`<${Counted} text=${short.format(count)} to=${spans.length === 1 ? list(spans[0]) : null} />` : html`<span class="muted" aria-hidden="true">·</span>`}
    </td>`)}</tr>`)}</tbody>
  </table></div>`;
}
