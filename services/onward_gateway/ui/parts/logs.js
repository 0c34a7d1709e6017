/** The log of one execution: live, windowed, searched by the server, each line with an address of its own. */

import { AnsiUp, html, useEffect, useMemo, useRef, useState } from "../vendor.js";
import { get } from "../net/api.js";
import { subscribe } from "../net/live.js";
import { clock } from "../state/clock.js";

const ROW = 20;
const SPARE = 20;
const KEPT = 50_000;
const LEVELS = ["debug", "info", "warning", "error", "critical"];

/** @param {{executionId: string, line?: number | null}} props */
export function Logs({ executionId, line }) {
  const [lines, setLines] = useState(/** @type {any[]} */ ([]));
  const [following, setFollowing] = useState(true);
  const [wrapped, setWrapped] = useState(false);
  const [level, setLevel] = useState("");
  const [grep, setGrep] = useState("");
  const [ended, setEnded] = useState(false);

  useEffect(() => {
    let last = 0;
    /** @type {any[]} */
    let come = [];
    let drawn = 0;
    const draw = () => {
      drawn = 0;
      const some = come;
      come = [];
      setLines((before) => [...before, ...some].slice(-KEPT));
    };
    setLines([]);
    setEnded(false);
    const stop = subscribe(
      () => ({
        channel: "log",
        execution_id: executionId,
        ...(last ? { after: last } : grep || level || line ? {} : { tail: 5000 }),
        ...(level && { level }),
        ...(grep && { grep }),
      }),
      (message) => {
        if (message.type === "lines") {
          last = message.lines.at(-1).line;
          come.push(...message.lines);
          drawn ||= window.setTimeout(draw, 100);
        } else if (message.type === "end") setEnded(true);
      },
    );
    return () => {
      stop();
      clearTimeout(drawn);
    };
  }, [executionId, level, grep, line]);

  /** @param {SubmitEvent} event */
  function search(event) {
    event.preventDefault();
    setGrep(String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("grep") ?? ""));
  }

  return html`<section class="logs" aria-label="Log">
    <header>
      <form role="search" onSubmit=${search}>
        <input name="grep" type="search" placeholder="Search the whole log" aria-label="Search the whole log" />
      </form>
      <select aria-label="Level" onChange=${(/** @type {any} */ event) => setLevel(event.target.value)}>
        <option value="">all levels</option>
        ${LEVELS.map((one) => html`<option value=${one}>${one} and worse</option>`)}
      </select>
      <label><input type="checkbox" checked=${following} onChange=${() => setFollowing(!following)} /> follow</label>
      <label><input type="checkbox" checked=${wrapped} onChange=${() => setWrapped(!wrapped)} /> wrap</label>
      <a href=${`/api/v1/executions/${executionId}/logs`} onClick=${(/** @type {Event} */ event) => download(event, executionId)}>download</a>
      <span class="muted">${lines.length} lines${ended ? "" : ", live"}</span>
    </header>
    ${wrapped ? html`<${Wrapped} lines=${lines} />` : html`<${Window} lines=${lines} following=${following} line=${line} />`}
  </section>`;
}

/** Only the rows that can be seen are there. @param {{lines: any[], following: boolean, line?: number | null}} props */
function Window({ lines, following, line }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [top, setTop] = useState(0);
  const seen = Math.ceil((box.current?.clientHeight ?? 400) / ROW);
  const first = Math.max(0, Math.floor(top / ROW) - SPARE);
  const shown = lines.slice(first, first + seen + 2 * SPARE);

  useEffect(() => {
    const at = line ? lines.findIndex((one) => one.line >= line) : -1;
    if (!box.current) return;
    if (at >= 0) box.current.scrollTop = at * ROW - box.current.clientHeight / 3;
    else if (following) box.current.scrollTop = lines.length * ROW;
  }, [lines.length, following, line]);

  return html`<div class="window" ref=${box} tabindex="0" onScroll=${(/** @type {any} */ event) => setTop(event.target.scrollTop)}>
    <div class="whole" style=${{ height: `${lines.length * ROW}px` }}>
      <div class="part" style=${{ transform: `translateY(${first * ROW}px)` }}>
        ${shown.map((one) => html`<${Line} key=${one.line} one=${one} marked=${one.line === line} />`)}
      </div>
    </div>
  </div>`;
}

/** @param {{lines: any[]}} props */
function Wrapped({ lines }) {
  return html`<div class="window is-wrapped" tabindex="0">
    ${lines.slice(-2000).map((one) => html`<${Line} key=${one.line} one=${one} marked=${false} />`)}
  </div>`;
}

/** @param {{one: any, marked: boolean}} props */
function Line({ one, marked }) {
  return html`<div class=${`line is-${one.level}${marked ? " is-marked" : ""}`} title=${clock(one.time)}>
    <a class="number" href=${`#L${one.line}`}>${one.line}</a>
    <span class="level" aria-label=${one.level}>${one.level[0].toUpperCase()}</span>
    <span class="text"><${Ansi} text=${one.text} /></span>
  </div>`;
}

/** Colours of a terminal as elements: the text itself only ever becomes text nodes. @param {{text: string}} props */
function Ansi({ text }) {
  const parts = useMemo(() => (text.includes("\u001b") ? colours(text) : null), [text]);
  return parts === null ? text : parts.map(({ style, text: piece }) => html`<span style=${style}>${piece}</span>`);
}

/**
 * The pieces of a line with their colours. The library writes them as style attributes, which the page's policy forbids
 * even to a parser; under another name they are only data. In the text itself quotes are escaped.
 * @param {string} text @returns {{style: Record<string, string>, text: string}[]}
 */
function colours(text) {
  const marked = new AnsiUp().ansi_to_html(text).replaceAll(' style="', ' data-style="');
  const body = new DOMParser().parseFromString(marked, "text/html").body;
  return [...body.childNodes].map((node) => ({
    text: node.textContent ?? "",
    style: node instanceof HTMLElement ? styles(node.dataset.style ?? "") : {},
  }));
}

const ALLOWED = ["color", "background-color", "font-weight", "font-style", "text-decoration"];

/** @param {string} text as in a style attribute @returns {Record<string, string>} */
function styles(text) {
  const pairs = text.split(";").map((part) => part.split(":").map((word) => word.trim()));
  return Object.fromEntries(pairs.filter(([name, value]) => ALLOWED.includes(name) && value));
}

/** @param {Event} event @param {string} executionId */
async function download(event, executionId) {
  event.preventDefault();
  const lines = [];
  for (let after = 0; after !== null; ) {
    const page = await get(`/executions/${executionId}/logs`, { after, limit: 200 });
    lines.push(...page.items);
    after = page.next_after;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(lines.map((one) => `${one.time} ${one.level} ${one.text}\n`)));
  link.download = `${executionId}.log`;
  link.click();
  URL.revokeObjectURL(link.href);
}
