/** One dialog at a time: a question with a form, answered or left. */

import { html, signal, useEffect, useRef } from "../vendor.js";

/** @typedef {{title: string, body?: any, confirm: string, danger?: boolean, onConfirm: (form: FormData) => any}} Question */

/** @type {import("../vendor.js").Signal<Question | null>} */
const open = signal(null);
const trouble = signal("");

/** @param {Question} question */
export function askFor(question) {
  trouble.value = "";
  open.value = question;
}

export function Dialog() {
  const element = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const question = open.value;
  useEffect(() => {
    if (question) {
      if (!element.current?.open) element.current?.showModal();
      if (!element.current?.querySelector("input, textarea, select")) /** @type {HTMLElement | null | undefined} */ (element.current?.querySelector(".buttons button:last-child"))?.focus();
    }
    else element.current?.close();
  }, [question]);

  /** @param {SubmitEvent} event */
  async function confirmed(event) {
    event.preventDefault();
    try {
      await question?.onConfirm(new FormData(/** @type {HTMLFormElement} */ (event.target)));
      // What it was answered with may ask for the next.
      if (open.value === question) open.value = null;
    } catch (error) {
      trouble.value = /** @type {Error} */ (error).message;
    }
  }

  return html`<dialog ref=${element} aria-labelledby="dialog-title" onClose=${() => (open.value = null)}>
    ${question &&
    html`<form onSubmit=${confirmed}>
      <h2 id="dialog-title">${question.title}</h2>
      ${question.body} ${trouble.value && html`<p class="notice is-bad" role="alert">${trouble.value}</p>`}
      <div class="buttons">
        <button type="button" onClick=${() => (open.value = null)}>Leave it</button>
        <button class=${question.danger ? "is-danger" : "is-main"}>${question.confirm}</button>
      </div>
    </form>`}
  </dialog>`;
}
