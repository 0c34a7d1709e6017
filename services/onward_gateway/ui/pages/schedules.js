/** Schedules: what is due next, in the schedule's zone and the reader's, and what became of what was due. */

import { html, useEffect, useState } from "../vendor.js";
import { useAnswer } from "../net/answer.js";
import { call } from "../net/api.js";
import { act } from "../net/resources.js";
import { askFor } from "../parts/dialog.js";
import { Failed, tell } from "../parts/notice.js";
import { ShortId, Status } from "../parts/status.js";
import { clock, since, span } from "../state/clock.js";
import { kinds } from "../state/kinds.js";
import { may } from "../state/session.js";
import { Resources } from "./resources.js";

export function SchedulesPage() {
  return html`<${Resources} kind=${kinds.schedules} below=${Below} extra=${Preview} />`;
}

const PAUSE = 400;

/** When what is in the form would fire. @param {{value: any}} props */
function Preview({ value }) {
  const [planned, setPlanned] = useState(/** @type {any} */ (null));
  const [trouble, setTrouble] = useState("");
  const asked = JSON.stringify(value);
  const begun = value.submission && (value.cron || value.every || value.at);
  useEffect(() => {
    if (!begun) return setPlanned(null);
    let gone = false;
    const timer = setTimeout(() => {
      call("POST", "/schedules/preview", { ...JSON.parse(asked), name: value.name ?? "new" }).then(
        (found) => gone || (setPlanned(found), setTrouble("")),
        (refused) => gone || (setPlanned(null), setTrouble(refused.message)),
      );
    }, PAUSE);
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [asked, begun]);
  if (!begun) return null;
  return html`<section class="notice" aria-label="Preview" role="status">
    ${planned && html`<p><strong>${planned.words}</strong></p>`}
    ${planned?.next.length === 0 && html`<p>Nothing is due.</p>`}
    ${planned && html`<${Ticks} zone=${planned.zone} ticks=${planned.next} />`}
    ${!planned && trouble && html`<p class="muted">Not yet: ${trouble}</p>`}
  </section>`;
}

/** @param {{zone: string, ticks: any[]}} props */
function Ticks({ zone, ticks }) {
  return html`<table><thead><tr><th>${zone}</th><th>For you</th><th>When</th></tr></thead><tbody>
    ${ticks.map((tick) => html`<tr key=${tick.tick}><td>${tick.local}</td><td>${clock(tick.fires_at)}</td><td class="muted">${since(tick.fires_at)} ${tick.note}</td></tr>`)}
  </tbody></table>`;
}

/** @param {{item: any}} props */
function Below({ item }) {
  const path = `/schedules/${encodeURIComponent(item.name)}`;
  const next = useAnswer(`${path}/next`, { count: 10 }, 30, item.version);
  const runs = useAnswer(`${path}/runs`, { limit: 30 }, 5, item.version);
  return html`<div class="below">
    <${Failed} error=${next.error ?? runs.error} />
    <div>
      <h3>Next</h3>
      ${next.answer?.length === 0 && html`<p class="muted">Nothing more is due.</p>`}
      <${Ticks} zone=${item.zone} ticks=${next.answer ?? []} />
    </div>
    <div>
      <h3>What became of it</h3>
      <${Strip} runs=${runs.answer?.items ?? []} />
      ${runs.answer?.items.length === 0 && html`<p class="muted">Nothing was due yet.</p>`}
      <table><tbody>
        ${(runs.answer?.items ?? []).map((/** @type {any} */ run) => html`<tr key=${run.tick + run.cause}>
          <td title=${clock(run.tick)}>${since(run.tick)}</td><td>${mark(run)} ${run.outcome}${run.count > 1 ? ` × ${run.count}` : ""} <span class="muted">${run.cause.replaceAll("_", " ")} ${run.reason}</span></td>
          <td>${run.execution_id && html`<${ShortId} id=${run.execution_id} />`}</td><td>${run.status && html`<${Status} status=${run.status} />`}</td><td>${span(run.duration_ms)}</td>
        </tr>`)}
      </tbody></table>
      <button type="button" disabled=${!may("operate")} onClick=${() => askToBackfill(item)}>Backfill…</button>
    </div>
  </div>`;
}

/** The last ones, oldest first, one sign each. @param {{runs: any[]}} props */
function Strip({ runs }) {
  const failed = runs.filter((run) => run.outcome !== "fired" || run.status === "failed").length;
  return html`<p class="strip" role="img" aria-label=${`${runs.length} ticks, ${failed} of them missed, skipped, refused or failed`}>
    ${[...runs].reverse().map((run) => html`<span class=${`tick is-${run.status ?? run.outcome}`} title=${`${clock(run.tick)}: ${run.outcome} ${run.status ?? ""}`}>${mark(run)}</span>`)}
  </p>`;
}

/** @param {any} run */
function mark(run) {
  if (run.outcome === "fired") return { completed: "✓", failed: "✕", cancelled: "⊘" }[/** @type {string} */ (run.status)] ?? "▶";
  return { missed: "○", skipped: "↷", refused: "!" }[/** @type {string} */ (run.outcome)] ?? "?";
}

/** @param {any} item */
function askToBackfill(item) {
  askFor({
    title: `Backfill ${item.name}`,
    body: html`<p>Runs what was due in this time, once for each tick that has not run.</p>
      <label>From<input name="since" type="datetime-local" required /></label><label>Until<input name="until" type="datetime-local" required /></label>
      <code class="muted">onward schedule backfill ${item.name} --since … --until …</code>`,
    confirm: "Backfill",
    onConfirm: async (form) => {
      const at = (/** @type {string} */ name) => new Date(String(form.get(name))).toISOString();
      const answer = await act("schedules", item.name, "backfill", { since: at("since"), until: at("until") });
      tell(`${answer.count} runs of ${item.name} follow`);
    },
  });
}
