/** Who did how much, which steps take the time, and how many workers that needs. */

import { html } from "../vendor.js";
import { asked } from "../net/api.js";
import { useAnswer } from "../net/answer.js";
import { endedIn, FILTERS, listOf, percent } from "../state/analysis.js";
import { span } from "../state/clock.js";
import { ask, query } from "../state/route.js";
import { Counted } from "./chart.js";
import { Failed } from "./notice.js";
import { says } from "./period.js";

const BY = [...FILTERS, "version"];

/** @param {{title: string, path: string, given: Record<string, any>, head: string[], error: any, children?: any, above?: any}} props */
function Part({ title, path, given, head, error, children, above }) {
  return html`<div class="part">
    <h2>${title}</h2>
    ${above}<${Failed} error=${error} />
    <div class="scroll" role="region" aria-label=${title} tabindex="0"><table>
      <thead><tr>${head.map((one) => html`<th>${one}</th>`)}</tr></thead><tbody>${children}</tbody>
    </table></div>
    <p class="exports">${["csv", "json"].map((format) => html`<a href=${`/api/v1/analytics/${path}${asked({ ...given, format })}`} download=${`${path}.${format}`}>${path} ${format.toUpperCase()}</a> `)}</p>
  </div>`;
}

/** @param {{within: Record<string, any>, often: number}} props */
export function Breakdown({ within, often }) {
  const by = BY.find((one) => one === query.value.get("by")) ?? "task";
  const { since: _, until: __, ...filters } = within;
  const given = { ...within, by, limit: 20 };
  const { answer, error } = useAnswer("/analytics/breakdown", given, often);
  const all = (answer?.items ?? []).reduce((/** @type {number} */ sum, /** @type {any} */ { figures }) => sum + figures.ended, 0);
  const choose = html`<label class="check">by <select value=${by} onChange=${(/** @type {any} */ event) => ask({ by: event.target.value })}>${BY.map((one) => html`<option value=${one} selected=${one === by}>${says(one)}</option>`)}</select></label>`;
  return html`<${Part} title="Who did how much" path="breakdown" given=${given} error=${error} above=${choose} head=${[says(by), "Ended", "Share", "Failed", "Success", "p50", "p95", "p99", "Wait p95"]}>
    ${(answer?.items ?? []).map((/** @type {any} */ { name, figures: is }) => {
      // The list has no filter for a version, and none for what has no name.
      const list = (/** @type {string | null} */ status) => (name === null || by === "version" ? null : endedIn(answer, { ...filters, [by]: name }, status));
      const narrow = name === null || by === "version" ? html`${name ?? "none"}` : html`<button type="button" class="is-quiet is-small" title="Only this" onClick=${() => ask({ [by]: name })}>${name}</button>`;
      return html`<tr key=${name}><td>${narrow}</td><td><${Counted} text=${is.ended.toLocaleString()} to=${list(null)} /></td>
        <td><meter min="0" max=${all} value=${is.ended} aria-label="share of all"></meter> ${percent(all ? is.ended / all : null)}</td>
        <td><${Counted} text=${is.failed.toLocaleString()} to=${is.failed ? list("failed") : null} /></td><td>${percent(is.success_rate)}</td>
        <td>${span(is.duration.p50_ms)}</td><td>${span(is.duration.p95_ms)}</td><td>${span(is.duration.p99_ms)}</td><td>${span(is.queue_wait.p95_ms)}</td></tr>`;
    })}
  <//>`;
}

/** @param {{within: Record<string, any>, often: number}} props */
export function SlowSteps({ within, often }) {
  const given = { task: within.task, since: within.since, until: within.until, limit: 15 };
  const { answer, error } = useAnswer("/analytics/slow-steps", given, often);
  const all = (answer?.items ?? []).reduce((/** @type {number} */ sum, /** @type {any} */ step) => sum + step.total_ms, 0);
  return html`<${Part} title="Where the time goes: steps" path="slow-steps" given=${given} error=${error} head=${["Task", "Step", "Time in all", "Share", "Times", "Mean", "p95", "Longest"]}>
    ${(answer?.items ?? []).map((/** @type {any} */ step) => html`<tr key=${step.task + step.step}><td><${Counted} text=${step.task} to=${endedIn(answer, { task: step.task })} /></td><td><code>${step.step}</code></td><td>${span(step.total_ms)}</td>
      <td><meter min="0" max=${all || 1} value=${step.total_ms} aria-label="share of the time"></meter> ${percent(all ? step.total_ms / all : null)}</td>
      <td>${step.count.toLocaleString()}</td><td>${span(step.avg_ms)}</td><td>${span(step.p95_ms)}</td><td>${span(step.max_ms)}</td></tr>`)}
  <//>`;
}

export function Sizing() {
  const { answer, error } = useAnswer("/analytics/workers", {}, 15);
  return html`<${Part} title="How many workers" path="workers" given=${{}} error=${error} head=${["Queue", "Workers", "Slots", "Used", "Waiting", "Wait p95", "Needs", "Why"]}>
    ${(answer?.items ?? []).map((/** @type {any} */ one) => html`<tr key=${one.queue}><td><a href=${`/queues#${one.queue}`}>${one.queue}</a></td><td><a href="/workers">${one.workers}</a></td><td>${one.slots}</td><td>${percent(one.utilisation)}</td>
      <td><${Counted} text=${String(one.waiting)} to=${one.waiting ? listOf({ queue: one.queue, status: "pending" }) : null} /></td><td>${span(one.wait_p95_ms)}</td>
      <td><strong>${one.suggested > one.workers ? "▲ " : one.suggested < one.workers ? "▼ " : "✓ "}${one.suggested}</strong></td><td class="muted">${one.why}</td></tr>`)}
  <//>`;
}
