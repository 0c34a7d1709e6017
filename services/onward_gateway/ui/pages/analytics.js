/** Analytics: how much ended, how well, how fast, against the time before; when, by whom, and where the time goes. */

import { html } from "../vendor.js";
import { asked } from "../net/api.js";
import { useAnswer } from "../net/answer.js";
import { Breakdown, Sizing, SlowSteps } from "../parts/analytics_tables.js";
import { Chart, Counted } from "../parts/chart.js";
import { Heat } from "../parts/heat.js";
import { Empty, Failed, Loading } from "../parts/notice.js";
import { Narrow, Period } from "../parts/period.js";
import { bucketOf, change, DAY, endedIn, FILTERS, given, percent, timeOf, zoneName } from "../state/analysis.js";
import { span } from "../state/clock.js";
import { ask, query } from "../state/route.js";

const OUTCOMES = [
  { name: "completed", mark: "is-completed", of: (/** @type {any} */ item) => item.figures.completed },
  { name: "failed", mark: "is-hatched", of: (/** @type {any} */ item) => item.figures.failed },
  { name: "cancelled", mark: "is-cancelled", of: (/** @type {any} */ item) => item.figures.cancelled },
];
const SHOWN = ["p50", "p95", "p99"];

/** The percentiles of one of the times. @param {"duration" | "queue_wait"} what */
function percentiles(what) {
  return SHOWN.map((name) => ({ name, mark: `is-${name}`, of: (/** @type {any} */ item) => item.figures[what][`${name}_ms`] }));
}

export function AnalyticsPage() {
  const [filters, time] = [given(), timeOf("24h")];
  const within = { ...filters, since: time.since, until: time.until };
  const cut = { ...within, bucket: bucketOf(time.length), zone: zoneName() };
  const often = time.length <= DAY ? 10 : 60;
  const summary = useAnswer("/analytics/summary", within, often);
  const trend = useAnswer("/analytics/trend", cut, often);
  return html`<section class="analytics">
    <h1>Analytics</h1>
    <form class="filters" role="search" onSubmit=${(/** @type {Event} */ event) => event.preventDefault()}>
      <${Period} usual="24h" time=${time} /><${Narrow} names=${FILTERS} />
      ${Object.keys(filters).length > 0 && html`<button type="button" onClick=${() => ask(Object.fromEntries(FILTERS.map((name) => [name, null])))}>No filter</button>`}
    </form>
    <${Failed} error=${summary.error ?? trend.error} />
    ${!summary.answer && !summary.error && html`<${Loading} />`}
    ${summary.answer && html`<${Figures} summary=${summary.answer} time=${time} filters=${filters} often=${often} />`}
    ${summary.answer?.figures.ended === 0 && html`<${Empty} title="Nothing ended in this time" command="onward run greet --wait" />`}
    ${trend.answer && html`<${Trends} trend=${trend.answer} filters=${filters} />`}
    <p class="exports">Export: ${["summary", "trend"].map((what) => html`<${Export} what=${what} given=${what === "trend" ? cut : within} />`)} <code class="muted">onward analytics summary</code></p>
    <${Hours} filters=${filters} time=${time} />
    <${Breakdown} within=${within} often=${often} />
    <${SlowSteps} within=${within} often=${often} />
    <${Sizing} />
    <p class="muted">Counted is what ended in this time, as it ended then; the lists behind the numbers show just that. What ended twice in it, because it was retried, is counted twice and listed once.</p>
  </section>`;
}

/** The same as a file. @param {{what: string, given: Record<string, any>}} props */
export function Export({ what, given: of }) {
  return html`<span>${["csv", "json"].map((format) => html`<a href=${`/api/v1/analytics/${what}${asked({ ...of, format })}`} download=${`${what}.${format}`}>${what} ${format.toUpperCase()}</a> `)}</span>`;
}

/** The five figures, against the time before. @param {any} props */
function Figures({ summary, time, filters, often }) {
  const [is, was] = [summary.figures, summary.previous.figures];
  const before = { since: new Date(Date.parse(time.since) - time.length).toISOString(), until: time.since };
  const by = filters.queue ? "queue" : "all";
  const busy = useAnswer("/analytics/utilisation", { since: time.since, until: time.until, by }, often);
  const wasBusy = useAnswer("/analytics/utilisation", { ...before, by }, 60);
  const [used, wasUsed] = [busy, wasBusy].map(({ answer }) => answer?.items.find((/** @type {any} */ one) => by === "all" || one.name === filters.queue)?.utilisation);
  /** @param {string} [status] */
  const list = (status) => endedIn(summary, filters, status);
  return html`<div class="figures">
    <article><h2>Throughput</h2><p class="figure"><${Counted} text=${`${is.ended.toLocaleString()} ended`} to=${list()} /></p>
      <p>${is.per_hour.toFixed(1)} an hour</p><p class="muted">${change(is.ended, was.ended)} (<${Counted} text=${was.ended.toLocaleString()} to=${was.ended ? endedIn(summary.previous, filters) : null} />)</p></article>
    <article><h2>Success rate</h2><p class="figure">${percent(is.success_rate)}</p>
      <p><${Counted} text=${`✓ ${is.completed}`} to=${list("completed")} /> <${Counted} text=${`✕ ${is.failed}`} to=${list("failed")} /> <${Counted} text=${`⊘ ${is.cancelled}`} to=${list("cancelled")} /></p>
      <p class="muted">before: ${percent(was.success_rate)}</p></article>
    <${Times} title="Duration" is=${is.duration} was=${was.duration} to=${list()} />
    <${Times} title="Queue wait" is=${is.queue_wait} was=${was.queue_wait} to=${list()} />
    <article><h2>Utilisation</h2><p class="figure"><${Counted} text=${percent(used)} to="/workers" /></p>
      <p>of the slots of ${filters.queue ? `queue ${filters.queue}` : "all workers"}</p><p class="muted">${busy.error ? busy.error.message : `before: ${percent(wasUsed)}`}</p></article>
  </div>`;
}

/** @param {any} props */
function Times({ title, is, was, to }) {
  return html`<article><h2>${title}</h2><p class="figure"><${Counted} text=${span(is.p50_ms)} to=${is.count ? to : null} /> <small>p50</small></p>
    <p>p95 ${span(is.p95_ms)} · p99 ${span(is.p99_ms)}</p><p class="muted">p95 ${change(is.p95_ms, was.p95_ms)}</p></article>`;
}

/** @param {any} props */
function Trends({ trend, filters }) {
  if (trend.items.length === 0) return null;
  /** @param {any} item @param {any} one */
  const list = (item, one) => endedIn(item, filters, OUTCOMES.includes(one) ? one.name : null);
  const common = { items: trend.items, list };
  return html`<div class="charts">
    <${Chart} title=${`Ended, by ${trend.bucket}`} kind="bars" series=${OUTCOMES} show=${(/** @type {any} */ value) => String(Math.round(value ?? 0))} ...${common} />
    <${Chart} title="Duration" kind="lines" series=${percentiles("duration")} show=${span} ...${common} />
    <${Chart} title="Queue wait" kind="lines" series=${percentiles("queue_wait")} show=${span} ...${common} />
  </div>`;
}

/** By the hour of the week: of a week at least, of thirty days at most. @param {any} props */
function Hours({ filters, time }) {
  const metric = query.value.get("heat") === "failed" ? "failed" : "ended";
  const length = Math.min(Math.max(time.length, 7 * DAY), 30 * DAY);
  const until = Math.ceil(Date.parse(time.until) / 3_600_000) * 3_600_000;
  const since = new Date(until - length).toISOString();
  const { answer, error } = useAnswer("/analytics/trend", { ...filters, since, until: new Date(until).toISOString(), bucket: "hour", zone: zoneName() }, 60);
  const says = `${metric === "failed" ? "Failures" : "Ends"} by weekday and hour, ${Math.round(length / DAY)} days`;
  return html`<div class="part">
    <h2>When</h2>
    <div class="buttons">${["ended", "failed"].map((one) => html`<button type="button" aria-pressed=${metric === one} onClick=${() => ask({ heat: one === "ended" ? null : one })}>${one}</button>`)}</div>
    <${Failed} error=${error} />
    ${answer && html`<${Heat} title=${says} items=${answer.items} metric=${metric} list=${(/** @type {any} */ of) => endedIn(of, filters, metric === "failed" ? "failed" : null)} />`}
  </div>`;
}
