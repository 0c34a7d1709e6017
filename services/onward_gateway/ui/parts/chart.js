/** Charts of a trend: bars and lines drawn as SVG for the eye, and a table with the same numbers for everybody. */

import { html } from "../vendor.js";
import { clock } from "../state/clock.js";
import { go } from "../state/route.js";

const [WIDTH, HEIGHT, TOP] = [600, 120, 8];

/**
 * @typedef {{name: string, mark: string, of: (item: any) => number | null}} Series `mark` is a class: colour and pattern
 * @typedef {{title: string, items: any[], series: Series[], show: (value: number | null) => string, list: (item: any, series: Series) => string | null, kind: "bars" | "lines"}} Chart
 */

/** @param {Chart} props */
export function Chart({ title, items, series, show, list, kind }) {
  const most = Math.max(1e-9, ...items.map((item) => (kind === "bars" ? series.reduce((sum, one) => sum + (one.of(item) ?? 0), 0) : Math.max(0, ...series.map((one) => one.of(item) ?? 0)))));
  const Drawn = kind === "bars" ? Bars : Lines;
  const filled = items.filter((item) => series.some((one) => one.of(item)));
  return html`<figure class="chart">
    <figcaption><strong>${title}</strong> <span class="muted">most: ${show(most < 1e-6 ? 0 : most)}</span></figcaption>
    <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <defs><pattern id="hatch" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
        <rect class="mark is-failed" width="5" height="5" /><rect class="hatch" width="2" height="5" />
      </pattern></defs>
      <${Drawn} ...${{ items, series, most, list, show }} />
    </svg>
    <p class="legend"><span>${clock(items[0]?.since)}</span>${series.map((one) => html`<span><i class=${`key ${one.mark}`}></i> ${one.name}</span>`)}<span>${clock(items.at(-1)?.until)}</span></p>
    <details>
      <summary>${title}, as a table</summary>
      ${filled.length === 0 && html`<p class="muted">Nothing in this time.</p>`}
      <div class="scroll" role="region" aria-label=${`${title}, as a table`} tabindex="0"><table>
        <thead><tr><th>From</th>${series.map((one) => html`<th>${one.name}</th>`)}</tr></thead>
        <tbody>${filled.map((item) => html`<tr key=${item.since}><td>${clock(item.since)}</td>${series.map((one) => html`<td><${Counted} text=${show(one.of(item))} to=${one.of(item) ? list(item, one) : null} /></td>`)}</tr>`)}</tbody>
      </table></div>
    </details>
  </figure>`;
}

/** A number, and the list that it counts. @param {{text: string, to: string | null}} props */
export function Counted({ text, to }) {
  return to ? html`<a href=${to}>${text}</a>` : html`${text}`;
}

/** @param {any} props */
function Bars({ items, series, most, list, show }) {
  const wide = WIDTH / items.length;
  return items.map((/** @type {any} */ item, /** @type {number} */ at) => {
    let floor = HEIGHT;
    return series.map((/** @type {Series} */ one) => {
      const value = one.of(item) ?? 0;
      const tall = (value / most) * (HEIGHT - TOP);
      floor -= tall;
      if (!value) return null;
      const to = list(item, one);
      return html`<rect class=${`mark ${one.mark} ${to ? "is-link" : ""}`} x=${at * wide + wide * 0.08} y=${floor} width=${wide * 0.84} height=${tall} onClick=${() => to && go(to)}>
        <title>${`${clock(item.since)}: ${show(value)} ${one.name}`}</title>
      </rect>`;
    });
  });
}

/** @param {any} props */
function Lines({ items, series, most }) {
  const wide = WIDTH / items.length;
  return series.map((/** @type {Series} */ one) => {
    let [path, apart] = ["", true];
    items.forEach((/** @type {any} */ item, /** @type {number} */ at) => {
      const value = one.of(item);
      if (value === null) return void (apart = true);
      const [x, y] = [(at + 0.5) * wide, HEIGHT - (value / most) * (HEIGHT - TOP)];
      // What stands alone is a short stroke: a line needs two points.
      path += apart ? `M${x - wide * 0.2} ${y}L${x + wide * 0.2} ${y}` : `L${x} ${y}`;
      apart = false;
    });
    return html`<path class=${`line ${one.mark}`} d=${path} vector-effect="non-scaling-stroke" />`;
  });
}
