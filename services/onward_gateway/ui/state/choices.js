/** What a person has chosen for this browser: theme and time zone, kept. */

import { effect, signal } from "../vendor.js";

/** @param {string} name @param {string} usual */
function kept(name, usual) {
  const found = signal(localStorage.getItem(`onward.${name}`) ?? usual);
  effect(() => localStorage.setItem(`onward.${name}`, found.value));
  return found;
}

/** "system", "light" or "dark". */
export const theme = kept("theme", "system");
/** "local" or "utc". */
export const zone = kept("zone", "local");

const dark = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(dark.matches);
dark.addEventListener("change", (event) => (systemDark.value = event.matches));

effect(() => {
  const isDark = theme.value === "dark" || (theme.value === "system" && systemDark.value);
  document.documentElement.dataset.theme = isDark ? "dark" : "light";
});
