/** Each step with what it returned or what went wrong; a failed execution is retried from any that is saved. */

import { html, useEffect, useRef } from "../vendor.js";
import { post } from "../net/api.js";
import { span } from "../state/clock.js";
import { query } from "../state/route.js";
import { may } from "../state/session.js";
import { retriedFrom, stepsOf, title } from "../state/steps.js";
import { quoted } from "./cli_text.js";
import { askFor } from "./dialog.js";
import { JsonTree } from "./json_tree.js";
import { tell } from "./notice.js";

/** @typedef {import("../state/steps.js").Step} Step */

const MARKS = { saved: "✓", failed: "✕", undone: "↺", "in doubt": "?" };

/** @param {{events: any[], execution: any}} props */
export function Steps({ events, execution }) {
  const steps = stepsOf(events);
  if (steps.length === 0) return html`<p class="empty">No step has ended yet.</p>`;
  return html`<ol class="steps" aria-label="Steps">
    ${steps.map((step) => html`<${One} key=${step.id} step=${step} steps=${steps} execution=${execution} />`)}
  </ol>`;
}

/** @param {{step: Step, steps: Step[], execution: any}} props */
function One({ step, steps, execution }) {
  const chosen = query.value.get("step") === step.name;
  const here = useRef(/** @type {HTMLLIElement | null} */ (null));
  useEffect(() => void (chosen && here.current?.scrollIntoView({ block: "nearest" })), [chosen]);
  const again = ["failed", "cancelled"].includes(execution.status) && step.state === "saved" && may("operate");
  return html`<li ref=${here} class=${`step is-${step.state.replace(" ", "-")}`} aria-current=${chosen ? "step" : undefined}>
    <p>
      <strong>${title(step)}</strong> <span class="state">${MARKS[step.state]} ${step.state}</span>
      ${step.took !== null && html` <span class="muted">${span(step.took)}</span>`}
      ${step.tries > 1 && html` <span class="muted">${step.tries} tries</span>`}
      ${step.edited && html` <span class="badge">given by a person</span>`}
      ${again && html` <button type="button" class="is-small" aria-label=${`Retry from ${title(step)}`} onClick=${() => retryFrom(execution, steps, step)}>Retry from here …</button>`}
    </p>
    ${step.error && html`<p class="error">${step.error.type}: ${step.error.message}</p>`}
    ${step.state === "saved" && step.result !== null && html`<${JsonTree} value=${step.result} open=${0} name="result" />`}
  </li>`;
}

/** @param {any} execution @param {Step[]} steps @param {Step} step */
function retryFrom(execution, steps, step) {
  const { kept, again } = retriedFrom(steps, step);
  askFor({
    title: `Retry ${execution.task} from ${title(step)}?`,
    body: html`<p>Run again: ${again.map(title).join(", ")}, and what comes after.</p>
      <p>Kept: ${kept.length ? kept.map(title).join(", ") : "nothing"}.</p>
      <code class="muted">onward execution retry ${execution.id} --from-step ${quoted(`${step.scope}/${step.name}${step.key && `[${step.key}]`}`.replace(/^\/(?=[^/]*$)/, ""))}</code>`,
    confirm: "Retry from here",
    onConfirm: async () => {
      await post(`/executions/${execution.id}/retry`, { from_step: { name: step.name, scope: step.scope, key: step.key } });
      tell(`${execution.task} is tried again from ${title(step)}`);
    },
  });
}
