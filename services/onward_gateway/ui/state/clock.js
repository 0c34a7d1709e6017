/** The time, once a second, for whatever shows how long something has taken; and times in words. */

import { signal } from "../vendor.js";
import { zone } from "./choices.js";

export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);

/** 830 ms, 4.2 s, 3 m 20 s, 2 h 5 m, 3 d 4 h. @param {number | null | undefined} ms */
export function span(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = ms / 1000;
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const [whole, minutes] = [Math.floor(seconds), Math.floor(seconds / 60)];
  if (minutes < 60) return `${minutes} m ${whole % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} m` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** How long ago, or until when. @param {string | null | undefined} at */
export function since(at) {
  if (!at) return "–";
  const ms = now.value - Date.parse(at);
  return ms >= 0 ? `${span(Math.floor(ms / 1000) * 1000)} ago` : `in ${span(-ms)}`;
}

/** A time as the reader wants it. @param {string | null | undefined} at */
export function clock(at) {
  if (!at) return "–";
  const date = new Date(at);
  if (zone.value === "utc") return date.toISOString().replace("T", " ").replace(/\.\d+Z/, "Z");
  return date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}
