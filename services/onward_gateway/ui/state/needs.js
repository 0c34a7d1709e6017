/** How many questions wait for a person, for the head of every page. */

import { signal } from "../vendor.js";
import { get } from "../net/api.js";

const EVERY = 10_000;
const MOST = 100;

export const open = signal(0);

/** Looks now and then. @returns {() => void} */
export function watchNeeds() {
  look();
  const timer = setInterval(look, EVERY);
  return () => clearInterval(timer);
}

/** "3", or "100+" where there are more than one page of them. */
export function openText() {
  return open.value >= MOST ? `${MOST}+` : String(open.value);
}

function look() {
  if (!document.hidden) get("/questions", { status: "open", limit: MOST }).then((page) => (open.value = page.items.length), () => {});
}
