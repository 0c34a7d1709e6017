/** A question of an execution: the form that its answer needs, until when, and who has answered what. */

import { html, useState } from "../vendor.js";
import { get, post } from "../net/api.js";
import { clock, now, since, span } from "../state/clock.js";
import { may } from "../state/session.js";
import { Fields, hasFields } from "./form.js";
import { Failed } from "./notice.js";
import { Value } from "./value.js";

/** @param {{question: any, executionId: string}} props */
export function Question({ question: asked, executionId }) {
  const [error, setError] = useState(/** @type {any} */ (null));
  const [late, setLate] = useState(/** @type {any} */ (null));
  const id = asked.question_id ?? asked.id;
  const question = late ?? asked;

  /** @param {any} value */
  async function answer(value) {
    try {
      await post(`/executions/${executionId}/answer`, { answer: value, question_id: id });
      setError(null);
    } catch (refused) {
      setError(refused);
      // Somebody was faster: what they said stands, and is shown in place of a refusal.
      const over = /** @type {any} */ (refused).status === 409 && (await whatBecame(executionId, id));
      if (over) (setLate(over), setError(null));
    }
  }

  const open = (question.status ?? "open") === "open";
  return html`<section class="question">
    <p class="ask">${question.text}</p>
    <p class="muted">asked ${since(question.asked_at)}${question.to && ` of ${question.to}`}${question.reminded > 0 && `, reminded ${question.reminded} times`}</p>
    ${open && html`<${Deadline} question=${question} />`}
    ${late && html`<p class="notice" role="status">Your answer came too late.</p>`}
    ${open ? may("submit") && html`<${Form} question=${question} answer=${answer} errors=${error?.errors} />` : html`<${Over} question=${question} />`}
    <${Failed} error=${error} />
  </section>`;
}

/** @param {string} executionId @param {string} id @returns {Promise<any>} the question, once it is over; else null */
async function whatBecame(executionId, id) {
  const found = await get("/questions", { execution_id: executionId, status: ["answered", "expired", "withdrawn"], limit: 200 }).catch(() => null);
  return found?.items.find((one) => one.question_id === id) ?? null;
}

/** Until when, and what happens then. @param {{question: any}} props */
function Deadline({ question }) {
  const until = question.deadline ?? question.until;
  if (!until) return null;
  const left = Date.parse(until) - now.value;
  const usual = question.default === null || question.default === undefined ? "it goes on without an answer" : `it goes on with ${JSON.stringify(question.default)}`;
  return html`<p class=${left < 60_000 ? "is-late" : "muted"} title=${clock(until)}>${left > 0 ? `${span(left)} left; then ${usual}` : `its time is over: ${usual}`}</p>`;
}

/** @param {{question: any}} props */
function Over({ question }) {
  const what = { answered: `answered by ${question.answered_by ?? "nobody known"}`, expired: "nobody answered in time", withdrawn: "it is not asked any more" };
  return html`<p><strong>${what[/** @type {keyof typeof what} */ (question.status)] ?? question.status}</strong> <span title=${clock(question.ended_at)}>${since(question.ended_at)}</span></p>
    ${question.answer !== null && question.answer !== undefined && html`<${Value} title="Answer" value=${question.answer} />`}`;
}

/** @param {{question: any, answer: (value: any) => void, errors?: any[]}} props */
function Form({ question, answer, errors = [] }) {
  const [value, setValue] = useState(/** @type {any} */ (undefined));
  if (question.choices?.length) {
    return html`<div class="buttons">
      ${question.choices.map((/** @type {string} */ choice) => html`<button type="button" onClick=${() => answer(choice)}>${choice}</button>`)}
    </div>`;
  }
  const whole = question.schema ?? { type: "string" };
  const isObject = hasFields(whole);
  const schema = isObject ? whole : { type: "object", properties: { answer: whole }, required: ["answer"], $defs: whole.$defs };
  /** @param {SubmitEvent} event */
  const send = (event) => {
    event.preventDefault();
    answer(isObject ? (value ?? {}) : value?.answer);
  };
  const wrong = errors.map((one) => ({ ...one, pointer: one.pointer.replace(/^\/answer/, isObject ? "" : "/answer") }));
  return html`<form class="answer" onSubmit=${send}>
    <div class="fields"><${Fields} schema=${schema} value=${value} onChange=${setValue} errors=${wrong} /></div>
    <button class="is-main">Answer</button>
  </form>`;
}
