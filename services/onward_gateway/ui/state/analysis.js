/** What is analysed: a time and filters, as the address has them; and the lists that its numbers count. */

import { now } from "./clock.js";
import { zone } from "./choices.js";
import { query } from "./route.js";

export const FILTERS = ["task", "queue", "environment", "agent_id", "team"];
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
/** @type {Record<string, [string, number]>} */
export const PERIODS = { "1h": ["last hour", HOUR], "24h": ["last 24 hours", DAY], "7d": ["last 7 days", 7 * DAY], "30d": ["last 30 days", 30 * DAY], "90d": ["last 90 days", 90 * DAY] };

/** The zone in which the reader's clocks run, as the server knows it. */
export function zoneName() {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return zone.value === "utc" || !own || own === "Etc/Unknown" ? "UTC" : own;
}

/** The time that the address names; a period ends now, and moves on with each minute. @param {string} usual */
export function timeOf(usual) {
  const [from, to] = [query.value.get("since"), query.value.get("until")];
  if (from && to && Date.parse(from) < Date.parse(to)) return { since: from, until: to, length: Date.parse(to) - Date.parse(from), fixed: true };
  const [, length] = PERIODS[query.value.get("period") ?? usual] ?? PERIODS[usual];
  const end = Math.floor(now.value / MINUTE) * MINUTE + MINUTE;
  return { since: new Date(end - length).toISOString(), until: new Date(end).toISOString(), length, fixed: false };
}

/** The filters of the address. @returns {Record<string, string>} */
export function given() {
  return Object.fromEntries(FILTERS.flatMap((name) => (query.value.get(name) ? [[name, String(query.value.get(name))]] : [])));
}

/** In what a time is cut. @param {number} length */
export function bucketOf(length) {
  if (length <= 2 * HOUR) return "minute";
  return length <= 4 * DAY ? "hour" : "day";
}

/** The address of a list. @param {Record<string, string | null | undefined>} asked */
export function listOf(asked) {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(asked)) if (value) found.append(name, value);
  return `/list?${found}`;
}

/**
 * The list of what a figure counts: of which a life ended in this time, and so. One that ended twice in it is counted twice, and listed once.
 * @param {{since: string, until: string}} time @param {Record<string, string | null | undefined>} filters @param {string | null} [as]
 */
export function endedIn({ since, until }, filters, as) {
  return listOf({ ...filters, ended_since: since, ended_until: until, ended_as: as });
}

const WEEK = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/** The hours of a trend by weekday and hour of the reader's day; each with the spans that it adds up. @param {any[]} items @param {string} metric */
export function byWeekday(items, metric) {
  const parts = new Intl.DateTimeFormat("en-GB", { weekday: "short", hour: "2-digit", hourCycle: "h23", timeZone: zoneName() });
  const rows = WEEK.map((day) => ({ day, cells: Array.from({ length: 24 }, () => ({ count: 0, spans: /** @type {any[]} */ ([]) })) }));
  for (const item of items) {
    const count = item.figures[metric];
    if (!count) continue;
    const told = Object.fromEntries(parts.formatToParts(new Date(item.since)).map(({ type, value }) => [type, value]));
    const cell = rows[WEEK.indexOf(told.weekday)].cells[Number(told.hour) % 24];
    cell.count += count;
    cell.spans.push(item);
  }
  return rows;
}

/** How much more than before, in words. @param {number | null | undefined} is @param {number | null | undefined} was */
export function change(is, was) {
  if (is === null || is === undefined || was === null || was === undefined) return "nothing before to compare";
  if (is === was) return "as before";
  if (was === 0) return "▲ before: 0";
  const share = Math.round(Math.abs(is / was - 1) * 100);
  return `${is > was ? "▲" : "▼"} ${share} % ${is > was ? "more" : "less"} than before`;
}

/** @param {number | null | undefined} share of 1 */
export function percent(share) {
  return share === null || share === undefined ? "–" : `${(share * 100).toFixed(share > 0.99 && share < 1 ? 2 : 1)} %`;
}
