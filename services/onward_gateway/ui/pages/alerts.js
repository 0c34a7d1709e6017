/** Alerts: what is wrong now, the rules that say so, and the channels that carry it. */

import { html, useState } from "../vendor.js";
import { useAnswer } from "../net/answer.js";
import { post } from "../net/api.js";
import { Empty, Failed, tell } from "../parts/notice.js";
import { ShortId } from "../parts/status.js";
import { clock, since } from "../state/clock.js";
import { kinds } from "../state/kinds.js";
import { may } from "../state/session.js";
import { Resources } from "./resources.js";

export function AlertsPage() {
  return html`<${Resources} kind=${kinds.alerts} intro=${html`<${Incidents} />`} />`;
}

export function ChannelsPage() {
  return html`<${Resources} kind=${kinds.channels} below=${Deliveries} />`;
}

function Incidents() {
  const [all, showAll] = useState(false);
  const { answer, error } = useAnswer("/incidents", { open: all ? undefined : true, limit: 50 }, 5, all);
  return html`<${Failed} error=${error} />
    <label class="check"><input type="checkbox" checked=${all} onChange=${() => showAll(!all)} /> also what is over</label>
    ${answer?.items.length === 0 && html`<${Empty} title="Nothing is wrong, as far as the rules say" command="onward alert incidents" />`}
    ${answer?.items.map((/** @type {any} */ one) => html`<article class=${`notice ${one.resolved_at ? "" : "is-bad"}`} key=${one.id}>
      <strong>${one.resolved_at ? "✓ over" : `⚠ ${one.severity}`}: ${one.alert}</strong> ${one.detail}
      <p class="muted">since ${clock(one.opened_at)}, ${one.count} times, last ${since(one.last_seen_at)}${one.muted ? ", muted" : ""}
        ${one.execution_id && html` <${ShortId} id=${one.execution_id} />`}</p>
    </article>`)}`;
}

/** @param {{item: any}} props */
function Deliveries({ item }) {
  const [round, again] = useState(0);
  const { answer, error } = useAnswer(`/channels/${encodeURIComponent(item.name)}/deliveries`, { limit: 30 }, 5, round);
  const redeliver = (/** @type {string} */ id) => post(`/deliveries/${id}/redeliver`).then(() => (tell("It is sent again"), again(round + 1)), (refused) => tell(refused.message, true));
  return html`<div class="below"><div>
    <h3>Sent lately</h3>
    <${Failed} error=${error} />
    ${answer?.items.length === 0 && html`<p class="muted">Nothing was sent yet.</p>`}
    <table><tbody>
      ${(answer?.items ?? []).map((/** @type {any} */ one) => html`<tr key=${one.id}><td title=${clock(one.created_at)}>${since(one.created_at)}</td><td>${one.type}</td>
        <td>${one.status}, ${one.tries} tries</td><td><button type="button" class="is-small" disabled=${!may("operate")} onClick=${() => redeliver(one.id)}>Send again</button></td></tr>`)}
    </tbody></table>
  </div></div>`;
}
