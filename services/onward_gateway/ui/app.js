/** The shell: who is signed in, where one is, and the page that belongs there. */

import { html, render, useEffect, useRef } from "./vendor.js";
import { call } from "./net/api.js";
import { connection } from "./net/live.js";
import { Dialog } from "./parts/dialog.js";
import { lazy } from "./parts/lazy.js";
import { Empty, Loading, Toasts } from "./parts/notice.js";
import { Palette, showKeys, showPalette, watchPalette } from "./parts/palette.js";
import { theme, zone } from "./state/choices.js";
import { open, openText, watchNeeds } from "./state/needs.js";
import { go, path, watchLinks } from "./state/route.js";
import { session } from "./state/session.js";
import { BoardPage } from "./pages/board.js";
import { SignInPage } from "./pages/sign_in.js";

const tables = () => import("./pages/tables.js");
const resources = () => import("./pages/resources.js");
const alerts = () => import("./pages/alerts.js");
const ExecutionPage = lazy(() => import("./pages/execution.js"), "ExecutionPage");

/** Pages by address: those of the head, then those of its menu by group; each is fetched when somebody goes there. @type {[string, string, any, string?][]} */
export const PAGES = [
  ["/", "Board", BoardPage],
  ["/list", "List", lazy(tables, "ListPage")],
  ["/needs-you", "Needs you", lazy(tables, "NeedsYouPage")],
  ["/queues", "Queues", lazy(resources, "QueuesPage")],
  ["/workers", "Workers", lazy(() => import("./pages/workers.js"), "WorkersPage")],
  ["/tasks", "Tasks", lazy(() => import("./pages/tasks.js"), "TasksPage"), "Plan"],
  ["/schedules", "Schedules", lazy(() => import("./pages/schedules.js"), "SchedulesPage"), "Plan"],
  ["/drafts", "Drafts", lazy(resources, "DraftsPage"), "Plan"],
  ["/webhooks", "Webhooks in", lazy(resources, "WebhooksPage"), "Plan"],
  ["/analytics", "Analytics", lazy(() => import("./pages/analytics.js"), "AnalyticsPage"), "Watch"],
  ["/errors", "Errors", lazy(() => import("./pages/errors.js"), "ErrorsPage"), "Watch"],
  ["/alerts", "Alerts", lazy(alerts, "AlertsPage"), "Watch"],
  ["/channels", "Channels", lazy(alerts, "ChannelsPage"), "Watch"],
  ["/audit", "Audit", lazy(() => import("./pages/audit.js"), "AuditPage"), "Watch"],
  ["/agents", "Agents", lazy(resources, "AgentsPage"), "Set up"],
  ["/teams", "Teams", lazy(resources, "TeamsPage"), "Set up"],
  ["/environments", "Environments", lazy(resources, "EnvironmentsPage"), "Set up"],
  ["/saved-views", "Saved views", lazy(resources, "SavedViewsPage"), "Set up"],
  ["/limits", "Limits", lazy(resources, "LimitsPage"), "Rules"],
  ["/quotas", "Quotas", lazy(resources, "QuotasPage"), "Rules"],
  ["/policies", "Policies", lazy(() => import("./pages/policies.js"), "PoliciesPage"), "Rules"],
  ["/keys", "Keys", lazy(() => import("./pages/keys.js"), "KeysPage"), "Rules"],
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
      ${PAGES.filter(([, , , group]) => !group).map(([address, name]) => html`<a href=${address} aria-current=${here === address ? "page" : undefined}>${name}${address === "/needs-you" && open.value ? ` (${openText()})` : ""}</a>`)}
    </nav>
    <${More} here=${here} />
    ${(here === "/" || here.startsWith("/x/")) && html`<span class=${`dot is-${connection.value}`} role="status">● ${connection.value}</span>`}
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

/** The other pages, by group; closed once one is chosen. @param {{here: string}} props */
function More({ here }) {
  const menu = useRef(/** @type {HTMLDetailsElement | null} */ (null));
  const others = PAGES.filter(([, , , group]) => group);
  useEffect(() => void (menu.current && (menu.current.open = false)), [here]);
  const found = others.find(([address]) => address === here);
  return html`<nav aria-label="More pages"><details class="more" ref=${menu}>
    <summary>${found ? found[1] : "More"}</summary>
    <div class="menu">
      ${[...new Set(others.map(([, , , group]) => group))].map((group) => html`<div>
        <p>${group}</p>
        ${others.filter((page) => page[3] === group).map(([address, name]) => html`<a href=${address} aria-current=${here === address ? "page" : undefined}>${name}</a>`)}
      </div>`)}
    </div>
  </details></nav>`;
}

function Page() {
  const here = path.value;
  if (here.startsWith("/x/")) return html`<${ExecutionPage} id=${here.slice(3)} key=${here} />`;
  const found = PAGES.find(([address]) => address === here);
  return found ? html`<${found[2]} />` : html`<${Empty} title="There is no such page" />`;
}

/** What the palette can do besides going somewhere. @type {[string, () => void][]} */
const COMMANDS = [
  ["Run a task", () => go("/tasks")],
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

