/** The board: what is planned, waits, runs, is done and failed. Dragging a card is a command, and so is a key. */

import { html, signal, useEffect, useState } from "../vendor.js";
import { get, post } from "../net/api.js";
import { COMMANDS, commandsFor, perform } from "../parts/commands.js";
import { Lane } from "../parts/lane.js";
import { Empty, Loading, tell } from "../parts/notice.js";
import { Progress, Status, Took } from "../parts/status.js";
import { arrived, cardOf, columnOf, columns, complete, moved, needsPerson, watchBoard } from "../state/board.js";
import { now, since, span } from "../state/clock.js";
import { ask, go, query } from "../state/route.js";
import { may } from "../state/session.js";

const HEIGHT = 96;
const FLASH = 600;
const FILTERS = ["task", "queue", "environment", "agent_id", "team", "label"];
const NAMES = ["pending", "running", "completed", "failed"];
/** What dragging from one column to another asks for. @type {Record<string, string>} */
const DRAGS = { "failed>pending": "retry", "failed>running": "retry", "pending>failed": "cancel", "running>failed": "cancel" };

/** The chosen card's id: a signal, so that a key that is pressed at once finds it. @type {import("../vendor.js").Signal<string | null>} */
const selection = signal(null);
const choose = (/** @type {string | null} */ id) => (selection.value = id);

export function BoardPage() {
  const chosen = selection.value;
  const [dragged, drag] = useState(/** @type {any} */ (null));
  const where = Object.fromEntries(FILTERS.map((name) => [name, query.value.getAll(name)]).filter(([, values]) => values.length));
  const asked = JSON.stringify(where);
  useEffect(() => watchBoard(JSON.parse(asked)), [asked]);
  useEffect(keys, []);

  return html`<div class="board-page">
    <${Filters} />
    ${!complete.value && html`<p class="notice">More than can be shown at once: narrow it by a filter.</p>`}
    <div class="board">
      <${Planning} />
      ${NAMES.map(
        (name) => html`<${Column} name=${name} items=${columns.value[name]} chosen=${chosen} choose=${choose} dragged=${dragged} drag=${drag} />`,
      )}
    </div>
    ${chosen && html`<${Peek} id=${chosen} close=${() => choose(null)} />`}
  </div>`;
}

function Filters() {
  /** @param {SubmitEvent} event */
  function add(event) {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.target);
    const text = String(new FormData(form).get("filter")).trim();
    const [name, ...rest] = text.split(":");
    if (rest.length && FILTERS.includes(name)) ask({ [name]: rest.join(":").trim() });
    else if (text) ask({ task: text });
    form.reset();
  }
  const active = FILTERS.flatMap((name) => query.value.getAll(name).map((value) => ({ name, value })));
  return html`<form class="filters" role="search" onSubmit=${add}>
    ${active.map(
      ({ name, value }) => html`<button type="button" class="chip" onClick=${() => ask({ [name]: null })} aria-label=${`take ${name} ${value} away`}>
        ${name}:${value} <span aria-hidden="true">×</span>
      </button>`,
    )}
    <input name="filter" id="filter" placeholder="filter: task:invoice, queue:pdf, label:customer=42" aria-label="Filter" autocomplete="off" />
  </form>`;
}

function Planning() {
  const [drafts, setDrafts] = useState(/** @type {any[]} */ ([]));
  const round = Math.floor(now.value / 10_000);
  useEffect(() => {
    const planned = (/** @type {any} */ page) => page.items.filter((/** @type {any} */ one) => ["planned", "approved"].includes(one.state));
    get("/drafts", { limit: 200 }).then((page) => setDrafts(planned(page)), () => setDrafts([]));
  }, [round]);
  return html`<section class="column is-planning" aria-label="Planning">
    <header><h2><span aria-hidden="true">◇</span> Planning</h2><span class="count">${drafts.length}</span></header>
    ${drafts.length === 0 && html`<${Empty} title="Nothing planned" command="onward draft create NAME --set task=TASK" />`}
    <${Lane} items=${drafts} height=${HEIGHT} label="Drafts">
      ${(/** @type {any} */ draft) => html`<${Draft} key=${draft.name} draft=${draft} />`}
    <//>
  </section>`;
}

/** @param {{draft: any}} props */
function Draft({ draft }) {
  return html`<article class="card" role="listitem">
    <h3>${draft.title ?? draft.name}</h3>
    <p class="muted">${draft.task ?? draft.agent ?? draft.team}${draft.run_at && ` · ${since(draft.run_at)}`}</p>
    ${draft.state === "planned" && may("submit")
      ? html`<button type="button" class="is-small" onClick=${() => approve(draft)}>Approve</button>`
      : html`<p class="line">${draft.state}${draft.depends_on.length > 0 && `, after ${draft.depends_on.length} others`}</p>`}
  </article>`;
}

/** @param {any} draft */
async function approve(draft) {
  try {
    await post(`/drafts/${draft.name}/approve`);
    tell(`${draft.name} is approved`);
  } catch (error) {
    tell(/** @type {Error} */ (error).message, true);
  }
}

/** @param {{name: string, items: any[], chosen: string | null, choose: any, dragged: any, drag: any}} props */
function Column({ name, items, chosen, choose, dragged, drag }) {
  const command = dragged && DRAGS[`${columnOf(dragged)}>${name}`];
  const state = !dragged || columnOf(dragged) === name ? "" : command ? " may-drop" : " may-not-drop";

  /** @param {DragEvent} event */
  function dropped(event) {
    event.preventDefault();
    const wanted = COMMANDS.find((one) => one.name === command);
    if (wanted?.fits(dragged)) perform(wanted, dragged);
    drag(null);
  }

  return html`<section class=${`column is-${name}${state}`} aria-label=${name} onDragOver=${(/** @type {DragEvent} */ event) => command && event.preventDefault()} onDrop=${dropped}>
    <header><h2><${Status} status=${name} /></h2><span class="count">${items.length}</span><span class="muted">${summary(name, items)}</span></header>
    ${!arrived.value && html`<${Loading} />`}
    ${arrived.value && items.length === 0 && name === "pending" && html`<${Empty} title="Nothing waits" command="onward run TASK" />`}
    <${Lane} items=${items} height=${HEIGHT} label=${name}>
      ${(/** @type {any} */ item, /** @type {number} */ place) =>
        html`<${Card} key=${item.id} id=${item.id} place=${place} chosen=${chosen === item.id} choose=${choose} drag=${drag} />`}
    <//>
  </section>`;
}

/** @param {string} name @param {any[]} items */
function summary(name, items) {
  if (items.length === 0) return "";
  if (name === "pending") {
    const oldest = items.reduce((first, item) => (item.created_at < first ? item.created_at : first), items[0].created_at);
    return `oldest ${span(now.value - Date.parse(oldest))}`;
  }
  if (name === "running") {
    const people = items.filter(needsPerson).length;
    return people ? `${people} waiting for you` : "";
  }
  if (name === "failed") return `${new Set(items.map((item) => item.error?.fingerprint)).size} kinds of error`;
  const took = items.map((item) => item.duration_ms ?? 0).sort((a, b) => a - b);
  return `p50 ${span(took[Math.floor(took.length / 2)])}`;
}

/** @param {{id: string, place: number, chosen: boolean, choose: (id: string) => void, drag: (x: any) => void}} props */
function Card({ id, place, chosen, choose, drag }) {
  const x = cardOf(id)?.value;
  if (!x) return null;
  const flashes = Date.now() - (moved.get(id) ?? 0) < FLASH;
  const labels = Object.entries(x.labels).slice(0, 2).map(([name, value]) => `${name}=${value}`).join(" ");
  return html`<article
    class=${`card is-${x.status}${chosen ? " is-chosen" : ""}${flashes ? " has-moved" : ""}`}
    role="listitem" tabindex="0" draggable="true" data-id=${id} data-version=${x.version}
    onClick=${() => choose(id)} onFocus=${() => chosen || choose(id)}
    onDragStart=${() => drag(x)} onDragEnd=${() => drag(null)}
  >
    <h3><a href=${`/x/${id}`}>${x.task}</a> <span class="id">${id.slice(-6)}</span>${needsPerson(x) && html` <span class="badge is-needs-you">? needs you</span>`}</h3>
    <p>${labels && html`<span class="label">${labels}</span>`} <${Took} execution=${x} />${x.attempt > 1 && ` · try ${x.attempt} of ${x.max_attempts}`}</p>
    <p class="line">${line(x, place)}</p>
  </article>`;
}

/** The third line: what matters most in that state. @param {any} x @param {number} place */
function line(x, place) {
  if (x.status === "pending") return html`#${place + 1} in ${x.queue}${x.reason !== "queued" && ` · ${x.reason.replaceAll("_", " ")}`}${x.due_at && ` · ${since(x.due_at)}`}`;
  if (x.status === "running") {
    if (x.progress) return html`<${Progress} progress=${x.progress} />`;
    return x.reason === "executing" ? html`on ${x.worker_id}` : x.reason.replaceAll("_", " ");
  }
  if (x.status === "failed") return html`${x.error?.type}: ${x.error?.message}`;
  if (x.status === "cancelled") return html`⊘ cancelled${x.reason && `: ${x.reason}`}`;
  return x.output === null ? "" : JSON.stringify(x.output).slice(0, 80);
}

/** @param {{id: string, close: () => void}} props */
function Peek({ id, close }) {
  const x = cardOf(id)?.value;
  if (!x) return null;
  return html`<aside class="peek" aria-label="The chosen execution">
    <header><h2><a href=${`/x/${id}`}>${x.task}</a></h2><button type="button" class="is-quiet" onClick=${close} aria-label="Close">×</button></header>
    <p><${Status} status=${x.status} reason=${x.reason} /> <${Took} execution=${x} /></p>
    <p class="muted">${x.id}<br />queue ${x.queue} · priority ${x.priority}${x.worker_id && html`<br />worker ${x.worker_id}`}</p>
    ${x.error && html`<p class="notice is-bad"><strong>${x.error.type}</strong>: ${x.error.message}</p>`}
    <div class="buttons">
      ${commandsFor(x).map((command) => html`<button type="button" class=${command.danger ? "is-danger" : ""} onClick=${() => perform(command, x)}>${command.label} <kbd>${command.key}</kbd></button>`)}
      <a class="button" href=${`/x/${id}`}>Open <kbd>Enter</kbd></a>
    </div>
  </aside>`;
}

/** Moves over the cards, and commands on the chosen one. */
function keys() {
  /** @param {KeyboardEvent} event */
  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(/** @type {Element} */ (event.target).tagName)) return;
    const chosen = selection.peek();
    const x = chosen === null ? null : cardOf(chosen)?.peek();
    const steps = /** @type {Record<string, [number, number]>} */ ({ j: [0, 1], k: [0, -1], h: [-1, 0], l: [1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] });
    if (event.key === "/") document.getElementById("filter")?.focus();
    else if (event.key === "Escape") choose(null);
    else if (steps[event.key]) step(x, ...steps[event.key]);
    else if (event.key === "Enter" && x && document.activeElement?.classList.contains("card")) go(`/x/${x.id}`);
    else if (x) {
      const command = commandsFor(x).find((one) => one.key === event.key);
      if (!command) return;
      perform(command, x);
    } else return;
    event.preventDefault();
  }
  addEventListener("keydown", pressed);
  return () => removeEventListener("keydown", pressed);
}

/** @param {any} from @param {number} across @param {number} down */
function step(from, across, down) {
  const column = from ? NAMES.indexOf(columnOf(from)) : 0;
  const row = from ? columns.value[NAMES[column]].findIndex((item) => item.id === from.id) : -1;
  let next = column;
  do next += across;
  while (across && NAMES[next] && columns.value[NAMES[next]].length === 0);
  const items = columns.value[NAMES[next]] ?? [];
  const target = items[Math.max(0, Math.min(items.length - 1, row + down))];
  if (!target) return;
  choose(target.id);
  requestAnimationFrame(() => /** @type {HTMLElement | null} */ (document.querySelector(`[data-id="${target.id}"]`))?.focus());
}

