/** The kinds of resources as their pages show them. Who adds a kind to the gateway adds it here. */

import { html } from "../vendor.js";
import { since } from "./clock.js";

/**
 * @typedef {{says: string, does: string, verb?: string, asks?: string, member?: string, body?: any, merge?: (said: string | null) => any, when?: (item: any) => boolean}} Act
 * `asks` for a text that goes as `member` of the body; with `merge` it is a change of the resource.
 * @typedef {{plural: string, command: string, one: string, title: string, none: string, teaches: string, scope?: string,
 *   columns: [string, (item: any) => any][], acts?: Act[], changed: (item: any) => string}} Kind
 */

/** @param {Omit<Kind, "changed">} kind @returns {Kind} */
function kindOf(kind) {
  return { ...kind, changed: (item) => (item.updated_at ?? item.created_at ? `${since(item.updated_at ?? item.created_at)} by ${item.updated_by ?? item.created_by ?? "–"}` : "–") };
}

const pause = [
  { says: "Pause", does: "pause", asks: "Why", member: "reason", when: (/** @type {any} */ item) => !item.paused },
  { says: "Resume", does: "resume", when: (/** @type {any} */ item) => item.paused },
];

/** @param {Record<string, string>} [given] */
function chips(given) {
  return Object.entries(given ?? {}).map(([name, value]) => html`<span class="chip">${name}=${value}</span> `);
}

/** @param {boolean} paused @param {string} [why] */
function running(paused, why) {
  return paused ? html`<span class="status is-pending">❚❚ paused</span> <span class="muted">${why}</span>` : html`<span class="status is-completed">✓ on</span>`;
}

/** A queue's state in words. @param {any} queue */
function health(queue) {
  if (queue.paused) return html`<span class="status is-pending">❚❚ paused</span> <span class="muted">${queue.paused_because} ${queue.paused_by && `by ${queue.paused_by}`}</span>`;
  if (queue.workers === 0) return html`<span class=${`status ${queue.waiting ? "is-failed" : "is-cancelled"}`}>⚠ no workers</span>`;
  if (queue.max_running && queue.running >= queue.max_running) return html`<span class="status is-pending">● at its limit</span>`;
  if (queue.running !== null && queue.running >= queue.slots) return html`<span class="status is-pending">● at capacity</span>`;
  return html`<span class="status is-completed">✓ active</span>`;
}

/** How many of a queue are in this state, and the list of them. @param {any} queue @param {"running" | "waiting"} what @param {string} status */
function counted(queue, what, status) {
  return queue[what] ? html`<a href=${`/list?queue=${encodeURIComponent(queue.name)}&status=${status}`}>${queue[what]}</a>` : (queue[what] ?? "–");
}

/** @type {Record<string, Kind>} */
export const kinds = {
  queues: kindOf({
    plural: "queues", command: "queue", one: "queue", title: "Queues", none: "There is no queue", teaches: "onward queue create reports --set max_running=4",
    columns: [["State", health], ["Environment", (item) => item.environment ?? ""], ["Workers", (item) => item.workers], ["Slots", (item) => item.slots],
      ["Running", (item) => counted(item, "running", "running")], ["Waiting", (item) => counted(item, "waiting", "pending")], ["Oldest", (item) => (item.oldest ? since(item.oldest) : "")],
      ["Limits", (item) => [item.max_running && `${item.max_running} at once`, item.rate && `${item.rate} in ${item.per} s`].filter(Boolean).join(", ") || "–"]],
    acts: [{ ...pause[0], merge: (said) => ({ paused: true, paused_because: said }) }, { ...pause[1], merge: () => ({ paused: false, paused_because: null }) }],
  }),
  schedules: kindOf({
    plural: "schedules", command: "schedule", one: "schedule", title: "Schedules", none: "Nothing is scheduled",
    teaches: "onward schedule create nightly --set cron='0 3 * * *' --set zone=Europe/Berlin --set submission.task=shell",
    columns: [["When", (item) => item.words], ["Zone", (item) => item.zone], ["Runs", (item) => item.submission?.task ?? item.submission?.agent_id ?? "–"],
      ["Next", (item) => (item.next_at ? since(item.next_at) : "–")], ["State", (item) => running(item.paused, item.paused_because)]],
    acts: [...pause, { says: "Run now", does: "trigger", body: {} }],
  }),
  webhooks: kindOf({
    plural: "webhooks", command: "webhook", one: "webhook", title: "Webhooks in", none: "Nobody outside can start anything by a signed call", scope: "admin",
    teaches: "onward webhook create github --set submission.task=shell",
    columns: [["Address", (item) => html`<code>${item.path}</code>`], ["Does", (item) => (item.submission ? `starts ${item.submission.task ?? item.submission.agent_id ?? "–"}` : "sends an event")],
      ["At most", (item) => `${item.per_minute} a minute`], ["State", (item) => running(item.paused)]],
    acts: [{ says: "New secret", does: "secret", verb: "rotate", body: {} }],
  }),
  agents: kindOf({
    plural: "agents", command: "agent", one: "agent", title: "Agents", none: "There is no agent", teaches: "onward agent create writer --set task=shell --set config.model=small",
    columns: [["Task", (item) => item.task], ["Queue", (item) => item.queue ?? "–"], ["Environment", (item) => item.environment ?? "–"],
      ["Version", (item) => item.version], ["Labels", (item) => chips(item.labels)]],
  }),
  teams: kindOf({
    plural: "teams", command: "team", one: "team", title: "Teams", none: "There is no team", teaches: "onward team create writers --set agents='[\"writer\"]' --set routing=least_busy",
    columns: [["Agents", (item) => item.agents.join(", ")], ["Routing", (item) => item.routing.replaceAll("_", " ")], ["What for", (item) => item.description ?? ""]],
  }),
  environments: kindOf({
    plural: "environments", command: "environment", one: "environment", title: "Environments", none: "There is no environment",
    teaches: "onward environment create lab --set variables.REGION=eu",
    columns: [["Variables", (item) => chips(item.variables)], ["Labels", (item) => chips(item.labels)], ["What for", (item) => item.description ?? ""]],
  }),
  drafts: kindOf({
    plural: "drafts", command: "draft", one: "draft", title: "Drafts", none: "Nothing is planned", scope: "submit", teaches: "onward draft create release --set task=shell",
    columns: [["Runs", (item) => item.task ?? item.agent ?? item.team ?? "–"], ["State", (item) => item.state], ["At", (item) => (item.run_at ? since(item.run_at) : "once it is approved")],
      ["Waits for", (item) => item.waits_for.join(", ")], ["Notes", (item) => item.notes ?? ""]],
    acts: [{ says: "Approve", does: "approve", body: {}, when: (item) => item.state === "planned" },
      { says: "Reject", does: "reject", asks: "Why", member: "reason", when: (item) => item.state === "planned" }],
  }),
  alerts: kindOf({
    plural: "alerts", command: "alert", one: "alert", title: "Alerts", none: "Nobody is told of anything", teaches: "onward alert create failures --set when=execution_failed --set channels='[\"ops\"]'",
    columns: [["When", (item) => item.when.replaceAll("_", " ")], ["Severity", (item) => item.severity], ["Tells", (item) => item.channels.join(", ") || "nobody"],
      ["Muted", (item) => (item.muted_until ? `until ${since(item.muted_until)}` : "")]],
    acts: [{ says: "Test", does: "test" }, { says: "Mute for an hour", does: "mute", body: { seconds: 3600 }, when: (item) => !item.muted_until },
      { says: "Unmute", does: "unmute", when: (item) => item.muted_until !== null }],
  }),
  channels: kindOf({
    plural: "channels", command: "channel", one: "channel", title: "Channels", none: "There is no way to tell anybody", scope: "admin", teaches: "onward channel create ops --set kind=slack --set url=https://…",
    columns: [["Kind", (item) => item.kind], ["To", (item) => item.url ?? item.to.join(", ")], ["Events", (item) => item.events.join(", ")], ["State", (item) => running(item.paused, item.paused_because)]],
    acts: [{ says: "Test", does: "test" }, { says: "Enable", does: "enable", when: (item) => item.paused }, { says: "New secret", does: "rotate-secret", when: (item) => item.kind === "webhook" }],
  }),
  policies: kindOf({
    plural: "policies", command: "policy", one: "policy", title: "Policies", none: "Everything may run", scope: "admin", teaches: "onward policy create no-prod --set module=@no_prod.rego",
    columns: [["Asked", (item) => (item.where === "step" ? "before steps" : "at submission")], ["Then", (item) => item.enforcement], ["Only", (item) => item.task ?? item.queue ?? item.environment ?? item.agent ?? "all"]],
  }),
  limits: kindOf({
    plural: "limits", command: "limit", one: "limit", title: "Limits", none: "No key is limited", teaches: "onward limit create customer --set key=customer:42 --set max=2",
    columns: [["Key", (item) => html`<code>${item.key}</code>`], ["At most", (item) => item.max ?? "–"], ["Rate", (item) => (item.rate ? `${item.rate} in ${item.per ?? 1} s` : "–")],
      ["Held by", (item) => item.holders?.length ?? 0], ["Waiting", (item) => item.waiting_total ?? 0]],
  }),
  quotas: kindOf({
    plural: "quotas", command: "quota", one: "quota", title: "Quotas", none: "Any number may wait", teaches: "onward quota create backlog --set waiting=10000",
    columns: [["May wait", (item) => item.waiting ?? "–"], ["Bytes", (item) => item.bytes ?? "–"]],
  }),
  "saved-views": kindOf({
    plural: "saved-views", command: "saved-view", one: "saved view", title: "Saved views", none: "No filter is kept under a name", teaches: "onward saved-view create failing --set filters.status='[\"failed\"]'",
    columns: [["Filters", (item) => html`<code>${JSON.stringify(item.filters)}</code>`]],
  }),
};
