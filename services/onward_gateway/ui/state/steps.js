/** The steps of an execution as its events leave them: saved, failed or undone; what a retry would repeat. */

/**
 * @typedef {{id: string, scope: string, name: string, key: string, state: "saved" | "failed" | "undone" | "in doubt",
 *   tries: number, took: number | null, result: any, error: any, n: number, from: number, to: number, edited: boolean}} Step
 */

/** In the order in which they came to be what they are. @param {any[]} events @returns {Step[]} */
export function stepsOf(events) {
  /** @type {Map<string, Step>} */
  let known = new Map();
  let stood = 0;
  for (const event of events) {
    const at = Date.parse(event.at);
    const put = (/** @type {Step["state"]} */ state, /** @type {Partial<Step>} */ more = {}) => {
      const { scope = "", name, key = "" } = event;
      const id = JSON.stringify([scope, name, key]);
      const from = event.duration_ms ? at - event.duration_ms : stood || at;
      known.delete(id);
      known.set(id, { id, scope, name, key, state, tries: event.tries ?? 1, took: event.duration_ms ?? null, result: undefined, error: null, n: event.n, from, to: at, edited: false, ...more });
    };
    if (event.type === "retry_requested" && event.fresh) known = new Map();
    else if (event.type === "retry_requested" && event.forget_from) known = new Map([...known].filter(([, step]) => step.n < event.forget_from));
    else if (event.type === "checkpoint_reached" && event.kind === "step") put("saved", { result: event.result ?? null, edited: event.edited ?? false });
    else if (event.type === "checkpoint_reached" && event.kind === "undo") put("undone");
    else if (event.type === "step_edited") put("saved", { result: event.result ?? null, edited: true });
    else if (event.type === "step_failed") put("failed", { error: event.error });
    else if (event.type === "step_started") put("in doubt");
    if (event.type === "started" || event.type.startsWith("step_") || event.type === "checkpoint_reached") stood = at;
  }
  return [...known.values()];
}

/** What is kept and what runs again where a retry begins at a step. @param {Step[]} steps @param {Step} step */
export function retriedFrom(steps, step) {
  const saved = steps.filter((one) => one.state === "saved");
  return { kept: saved.filter((one) => one.n < step.n), again: saved.filter((one) => one.n >= step.n) };
}

/** @param {Step} step how people call it */
export function title(step) {
  return [step.scope && `${step.scope} › `, step.name, step.key && ` ${step.key}`].filter(Boolean).join("");
}
