/** The shell: who is signed in, where one is, and the page that belongs there. */

import { html, render, useEffect } from "./vendor.js";
import { call } from "./net/api.js";
import { connection } from "./net/live.js";
import { Dialog } from "./parts/dialog.js";
import { lazy } from "./parts/lazy.js";
import { Empty, Loading, Toasts } from "./parts/notice.js";
import { Palette, showKeys, showPalette, watchPalette } from "./parts/palette.js";
import { theme, zone } from "./state/choices.js";
import { open, openText, watchNeeds } from "./state/needs.js";
import { path, watchLinks } from "./state/route.js";
import { session } from "./state/session.js";
import { BoardPage } from "./pages/board.js";
import { SignInPage } from "./pages/sign_in.js";

const tables = () => import("./pages/tables.js");
const ExecutionPage = lazy(() => import("./pages/execution.js"), "ExecutionPage");

/** Pages by address, in the order of the head; each is fetched when somebody goes there. @type {[string, string, any][]} */
export const PAGES = [
  ["/", "Board", BoardPage],
  ["/list", "List", lazy(tables, "ListPage")],
  ["/needs-you", "Needs you", lazy(tables, "NeedsYouPage")],
  ["/queues", "Queues", lazy(tables, "QueuesPage")],
  ["/workers", "Workers", lazy(tables, "WorkersPage")],
];

function Shell() {
  useEffect(() => {
    call("GET", "/session").then(
      (found) => (session.value = found),
      () => (session.value = null),
    );
  }, []);
  if (session.value === undefined) return html`<${Loading} />`;
  if (session.value === null) return html`<main><${SignInPage} /></main>`;
  return html`<${Head} />
    <main id="content"><${Page} /></main>
    <${Dialog} /><${Palette} pages=${PAGES} more=${COMMANDS} /><${Toasts} />`;
}

function Head() {
  const here = path.value;
  useEffect(watchNeeds, []);
  return html`<header class="shell">
    <a class="skip" href="#content">Skip to the content</a>
    <strong class="brand">Onward</strong>
    <span class="muted">${session.value.project}</span>
    <nav aria-label="Pages">
      ${PAGES.map(([address, name]) => html`<a href=${address} aria-current=${here === address ? "page" : undefined}>${name}${address === "/needs-you" && open.value ? ` (${openText()})` : ""}</a>`)}
    </nav>
    <span class=${`dot is-${connection.value}`} role="status">● ${connection.value}</span>
    <button type="button" class="is-quiet" onClick=${showPalette} aria-label="Go to a page, an execution or a command"><kbd>Ctrl-K</kbd></button>
    <button type="button" class="is-quiet" onClick=${showKeys} aria-label="Shortcuts"><kbd>?</kbd></button>
    <select aria-label="Theme" value=${theme.value} onChange=${(/** @type {any} */ event) => (theme.value = event.target.value)}>
      <option value="system">system</option><option value="light">light</option><option value="dark">dark</option>
    </select>
    <select aria-label="Times" value=${zone.value} onChange=${(/** @type {any} */ event) => (zone.value = event.target.value)}>
      <option value="local">local time</option><option value="utc">UTC</option>
    </select>
    <button type="button" class="is-quiet" onClick=${signOut}>Sign out</button>
  </header>`;
}

function Page() {
  const here = path.value;
  if (here.startsWith("/x/")) return html`<${ExecutionPage} id=${here.slice(3)} key=${here} />`;
  const found = PAGES.find(([address]) => address === here);
  return found ? html`<${found[2]} />` : html`<${Empty} title="There is no such page" />`;
}

/** What the palette can do besides going somewhere. @type {[string, () => void][]} */
const COMMANDS = [
  ["Theme: light", () => (theme.value = "light")],
  ["Theme: dark", () => (theme.value = "dark")],
  ["Theme: as the system", () => (theme.value = "system")],
  ["Times: local", () => (zone.value = "local")],
  ["Times: UTC", () => (zone.value = "utc")],
  ["Shortcuts", showKeys],
  ["Sign out", signOut],
];

async function signOut() {
  await call("DELETE", "/session");
  session.value = null;
}

watchLinks();
watchPalette();
const root = document.createElement("div");
root.id = "app";
document.body.append(root);
render(html`<${Shell} />`, root);

