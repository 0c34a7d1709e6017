/** A question of an execution, with the form that its answer needs: choices, a schema's members, or JSON. */

import { html, useState } from "../vendor.js";
import { post } from "../net/api.js";
import { since } from "../state/clock.js";
import { may } from "../state/session.js";
import { Failed } from "./notice.js";

/** @param {{question: any, executionId: string}} props */
export function Question({ question, executionId }) {
  const [error, setError] = useState(/** @type {any} */ (null));
  const id = question.question_id ?? question.id;

  /** @param {any} value */
  async function answer(value) {
    try {
      await post(`/executions/${executionId}/answer`, { answer: value, question_id: id });
      setError(null);
    } catch (refused) {
      setError(refused);
    }
  }

  return html`<section class="question">
    <p class="ask">${question.text}</p>
    <p class="muted">
      asked ${since(question.asked_at)}${question.to && ` of ${question.to}`}${question.until && `, answer ${since(question.until)}`}
    </p>
    ${may("submit") && html`<${Form} question=${question} answer=${answer} />`}
    <${Failed} error=${error} />
  </section>`;
}

/** @param {{question: any, answer: (value: any) => void}} props */
function Form({ question, answer }) {
  if (question.choices?.length) {
    return html`<div class="buttons">
      ${question.choices.map((/** @type {string} */ choice) => html`<button type="button" onClick=${() => answer(choice)}>${choice}</button>`)}
    </div>`;
  }
  const members = question.schema?.type === "object" ? Object.entries(question.schema.properties ?? {}) : [];
  /** @param {SubmitEvent} event */
  function send(event) {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.target));
    if (members.length === 0) return answer(read(String(form.get("answer")), question.schema));
    answer(Object.fromEntries(members.map(([name, schema]) => [name, read(String(form.get(name) ?? ""), schema)])));
  }
  return html`<form class="answer" onSubmit=${send}>
    ${members.length === 0
      ? html`<label>Answer <input name="answer" required /></label>`
      : members.map(([name, schema]) => html`<label>${name} <${Member} name=${name} schema=${schema} /></label>`)}
    <button class="is-main">Answer</button>
  </form>`;
}

/** @param {{name: string, schema: any}} props */
function Member({ name, schema }) {
  if (schema.enum) return html`<select name=${name}>${schema.enum.map((/** @type {any} */ one) => html`<option>${one}</option>`)}</select>`;
  if (schema.type === "boolean") return html`<select name=${name}><option>true</option><option>false</option></select>`;
  const isNumber = schema.type === "number" || schema.type === "integer";
  return html`<input name=${name} type=${isNumber ? "number" : "text"} step=${schema.type === "number" ? "any" : undefined} />`;
}

/** @param {string} text @param {any} schema */
function read(text, schema) {
  if (schema?.type === "string") return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
