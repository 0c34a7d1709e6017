/** The address is the state: path and query as signals, changed without a load. */

import { computed, signal } from "../vendor.js";

const here = signal(new URL(location.href));

export const path = computed(() => here.value.pathname);
export const query = computed(() => here.value.searchParams);
export const hash = computed(() => here.value.hash.slice(1));

/** @param {string} address @param {{replace?: boolean}} [how] */
export function go(address, { replace = false } = {}) {
  const next = new URL(address, location.href);
  history[replace ? "replaceState" : "pushState"](null, "", next);
  here.value = next;
}

/** Sets parts of the query; null takes one away. @param {Record<string, string | null>} changes */
export function ask(changes) {
  const next = new URL(location.href);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null || value === "") next.searchParams.delete(name);
    else next.searchParams.set(name, value);
  }
  go(next.href, { replace: true });
}

/** Makes clicks on links of our own change the address without a load. */
export function watchLinks() {
  addEventListener("popstate", () => (here.value = new URL(location.href)));
  addEventListener("click", (event) => {
    const link = /** @type {Element} */ (event.target).closest?.("a[href]");
    if (!(link instanceof HTMLAnchorElement) || link.origin !== location.origin || link.target) return;
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    if (link.pathname.startsWith("/api/") || link.pathname.startsWith("/ui/")) return;
    event.preventDefault();
    go(link.href);
  });
}
