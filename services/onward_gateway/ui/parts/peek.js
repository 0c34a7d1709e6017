/** The side panel: one execution looked at while the board stays: why, question, last lines, commands. */

import { html, useEffect, useState } from "../vendor.js";
import { get } from "../net/api.js";
import { subscribe } from "../net/live.js";
import { cardOf } from "../state/board.js";
import { span } from "../state/clock.js";
import { peeked } from "../state/selection.js";
import { commandsFor, confirmed } from "./commands.js";
import { Question } from "./questions.js";
import { Progress, Status, Took } from "./status.js";
import { Value } from "./value.js";

const LINES = 8;

export function Peek() {
  const id = peeked.value;
  const x = id ? cardOf(id)?.value : undefined;
  if (!id || !x) return null;
  return html`<aside class="peek" aria-label="The chosen execution">
    <header>
      <h2><a href=${`/x/${id}`}>${x.task}</a></h2>
      <button type="button" class="is-quiet" onClick=${() => (peeked.value = null)} aria-label="Close">×</button>
    </header>
    <p><${Status} status=${x.status} reason=${x.reason} /> <${Took} execution=${x} /> · attempt ${x.attempt} of ${x.max_attempts}</p>
    <p class="muted">
      <span class="id">${x.id}</span><br />queue ${x.queue} · priority ${x.priority}${x.worker_id && html` · worker <a href=${`/workers#${x.worker_id}`}>${x.worker_id}</a>`}
      ${x.queue_wait_ms !== null && html`<br />waited ${span(x.queue_wait_ms)}`}
    </p>
    ${x.error && html`<p class="notice is-bad"><strong>${x.error.type}</strong>: ${x.error.message}</p>`}
    <${Progress} progress=${x.progress} />
    ${x.waiting_on.filter((wait) => wait.kind === "question").map((wait) => html`<${Question} question=${wait} executionId=${id} />`)}
    ${x.status === "pending" && html`<${Why} id=${id} version=${x.version} />`}
    <div class="buttons">
      ${commandsFor(x).map((command) => html`<button type="button" class=${command.danger ? "is-danger" : ""} onClick=${() => confirmed(command, x)}>${command.label} <kbd>${command.key}</kbd></button>`)}
      <a class="button" href=${`/x/${id}`}>Open <kbd>Enter</kbd></a>
    </div>
    <${LastLines} key=${id} id=${id} />
    <${Value} title="Input" value=${x.input} />
    ${x.output !== null && html`<${Value} title="Output" value=${x.output} />`}
  </aside>`;
}

/** Why it waits, from the server. @param {{id: string, version: number}} props */
function Why({ id, version }) {
  const [why, setWhy] = useState(/** @type {import("../types.js").Explanation | null} */ (null));
  useEffect(() => {
    let gone = false;
    get(`/executions/${id}/explain`).then((told) => gone || setWhy(told), () => gone || setWhy(null));
    return () => void (gone = true);
  }, [id, version]);
  if (!why) return null;
  return html`<section class="notice" aria-label="Why">
    ${why.ahead !== null && html`<p>${why.ahead === 0 ? "Next in its queue" : `${why.ahead} before it`}</p>`}
    ${why.causes.map((cause) => html`<p><strong>${cause.text}</strong>${cause.fix && html` <span class="muted">${cause.fix}</span>`}</p>`)}
  </section>`;
}

/** @param {{id: string}} props */
function LastLines({ id }) {
  const [lines, setLines] = useState(/** @type {any[]} */ ([]));
  useEffect(() => {
    /** @type {any[]} */
    let come = [];
    let frame = 0;
    const draw = () => {
      frame = 0;
      setLines(come);
    };
    const stop = subscribe(
      () => ({ channel: "log", execution_id: id, tail: LINES }),
      (message) => {
        if (message.type !== "lines") return;
        come = [...come, ...message.lines].slice(-LINES);
        frame ||= requestAnimationFrame(draw);
      },
    );
    return () => {
      stop();
      cancelAnimationFrame(frame);
    };
  }, [id]);
  if (lines.length === 0) return null;
  return html`<section aria-label="Last log lines"><pre class="last-lines" tabindex="0">${lines.map((one) => `${one.text}\n`)}</pre></section>`;
}
