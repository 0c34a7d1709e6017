/** The log of one execution: live, searched as a whole by the server, each line with an address of its own. */

import { html, useEffect, useMemo, useRef, useState } from "../vendor.js";
import { LEVELS, Log, nextError, search } from "../state/log.js";
import { go } from "../state/route.js";
import { parsed } from "./log_line.js";
import { LogWindow } from "./log_window.js";
import { Empty, tell } from "./notice.js";
import { Value } from "./value.js";

/** @type {Record<string, string>} */
const TYPES = { log: "text/plain", ndjson: "application/x-ndjson" };

/** @param {{executionId: string, line?: number | null, failed?: boolean}} props */
export function Logs({ executionId, line = null, failed = false }) {
  const [following, setFollowing] = useState(line === null);
  const [wrapped, setWrapped] = useState(false);
  const [level, setLevel] = useState("");
  const log = useMemo(() => new Log(executionId, level), [executionId, level]);
  const [sought, setSought] = useState("");
  const [found, setFound] = useState(/** @type {import("../state/log.js").Found | null} */ (null));
  const [json, setJson] = useState(/** @type {any} */ (null));
  const newest = useRef(0);

  useEffect(() => log.follow(), [log]);
  useEffect(() => {
    if (line !== null) setFollowing(false);
  }, [line]);
  useEffect(() => {
    if (failed && line === null) nextError(executionId, null).then((number) => number && goTo(number), () => {});
  }, [executionId, failed]);
  useEffect(() => {
    const mine = ++newest.current;
    setFound(null);
    if (!sought) return;
    search(executionId, { grep: sought, case: "any", level }, (part) => {
      if (newest.current !== mine) return false;
      setFound(part);
      return true;
    }).catch((error) => tell(error.message, true));
    return () => void newest.current++;
  }, [executionId, sought, level]);

  /** @param {number} number */
  function goTo(number) {
    setFollowing(false);
    go(`#L${number}`, { replace: true });
  }

  /** To the next place behind where one is, or before it. @param {1 | -1} way */
  function step(way) {
    const lines = found?.lines ?? [];
    if (lines.length === 0) return;
    const from = line ?? (way === 1 ? 0 : Infinity);
    const next = way === 1 ? lines.find((one) => one > from) : lines.findLast((one) => one < from);
    goTo(next ?? (way === 1 ? lines[0] : lines[lines.length - 1]));
  }

  /** The next one, from the top again behind the last. */
  async function error() {
    try {
      const number = (await nextError(executionId, line)) ?? (await nextError(executionId, 0));
      if (number === null) tell("No line of this log is an error");
      else goTo(number);
    } catch (refused) {
      tell(/** @type {Error} */ (refused).message, true);
    }
  }

  /** @param {SubmitEvent} event */
  function submitted(event) {
    event.preventDefault();
    const text = String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("grep") ?? "");
    if (text === sought) step(1);
    else setSought(text);
  }

  return html`<section class="logs" aria-label="Log">
    <header>
      <form role="search" onSubmit=${submitted}>
        <input name="grep" type="search" maxlength="200" placeholder="Search the whole log" aria-label="Search the whole log" />
      </form>
      <select aria-label="Level" onChange=${(/** @type {any} */ event) => setLevel(event.target.value)}>
        <option value="">all levels</option>
        ${LEVELS.slice(1).map((one) => html`<option value=${one}>${one} and worse</option>`)}
      </select>
      ${sought && html`<${Places} found=${found} step=${step} />`}
      <button type="button" onClick=${error}>Next error</button>
      <label><input type="checkbox" checked=${following} onChange=${() => setFollowing(!following)} /> follow</label>
      <label><input type="checkbox" checked=${wrapped} onChange=${() => setWrapped(!wrapped)} /> wrap</label>
      ${Object.keys(TYPES).map((type) => html`<button type="button" class="is-quiet" onClick=${() => download(executionId, type)}>↓ ${type}</button>`)}
      <span class="muted">${log.total.value.toLocaleString()} lines${level && ` of ${level} and worse`}${log.ended.value ? "" : ", live"}</span>
    </header>
    ${log.total.value === 0 && html`<${Empty} title=${nothing(log.ended.value, level)} />`}
    <${LogWindow} log=${log} following=${following} follow=${setFollowing} line=${line} wrapped=${wrapped} sought=${sought} open=${setJson} />
    ${json &&
    html`<aside class="json-line" aria-label=${`Line ${json.line} as JSON`}>
      <button type="button" class="is-quiet" onClick=${() => setJson(null)} aria-label="Close">×</button>
      <${Value} title=${`Line ${json.line}`} value=${parsed(json.text)} />
    </aside>`}
  </section>`;
}

/** @param {boolean} ended @param {string} level */
function nothing(ended, level) {
  if (level) return `No line is of the level ${level} or worse`;
  return ended ? "It has printed nothing" : "Nothing was printed yet: print() and log() show here as they come";
}

/** @param {{found: import("../state/log.js").Found | null, step: (way: 1 | -1) => void}} props */
function Places({ found, step }) {
  const none = !found || found.lines.length === 0;
  return html`<span class="found" role="status" data-complete=${found?.complete ? "true" : "false"}>
      ${found ? `${found.total.toLocaleString()} lines${found.complete ? "" : " so far …"}` : "searching …"}
    </span>
    <button type="button" aria-label="Previous place" disabled=${none} onClick=${() => step(-1)}>↑</button>
    <button type="button" aria-label="Next place" disabled=${none} onClick=${() => step(1)}>↓</button>`;
}

/** The whole log as a file. @param {string} id @param {string} type */
async function download(id, type) {
  const answer = await fetch(`/api/v1/executions/${id}/logs`, { headers: { Accept: TYPES[type] }, credentials: "same-origin" });
  if (!answer.ok) return tell(`The log cannot be read: HTTP ${answer.status}`, true);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = `${id}.${type}`;
  link.click();
  URL.revokeObjectURL(link.href);
}
