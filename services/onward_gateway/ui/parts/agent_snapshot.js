/** The agent that an execution ran with, as it was when that was submitted, and what of it is otherwise now. */

import { html } from "../vendor.js";
import { useAnswer } from "../net/answer.js";
import { JsonTree } from "./json_tree.js";

/** @param {{agent: {name: string, version: number, config?: any, policy?: string}}} props */
export function AgentSnapshot({ agent }) {
  const { answer: now, error } = useAnswer(`/agents/${encodeURIComponent(agent.name)}`, {}, 30);
  const changed = now ? differences({ ...objectOf(agent.config), policy: agent.policy ?? null }, { ...objectOf(now.config), policy: now.policy }) : [];
  return html`<section class="value" aria-label="Agent">
    <h3>Agent <a href=${`/agents?q=${encodeURIComponent(agent.name)}`}>${agent.name}</a>, version ${agent.version}</h3>
    ${agent.config !== undefined && agent.config !== null && html`<${JsonTree} value=${agent.config} />`}
    ${error?.status === 404 && html`<p class="muted">There is no agent of this name any more.</p>`}
    ${now && now.version === agent.version && html`<p class="muted">It is the same now.</p>`}
    ${now && now.version !== agent.version && html`<p>Now it is version ${now.version}${changed.length === 0 ? ", with the same configuration." : ":"}</p>`}
    ${changed.length > 0 && html`<div class="scroll" role="region" aria-label="What is otherwise now" tabindex="0"><table>
      <thead><tr><th>Member</th><th>It ran with</th><th>Now</th></tr></thead>
      <tbody>${changed.map(([name, was, is]) => html`<tr key=${name}><th scope="row">${name}</th><td><code>${text(was)}</code></td><td><code>${text(is)}</code></td></tr>`)}</tbody>
    </table></div>`}
  </section>`;
}

/** @param {any} config @returns {Record<string, any>} what is no object has one member */
function objectOf(config) {
  return config !== null && typeof config === "object" && !Array.isArray(config) ? config : { config };
}

/** @param {Record<string, any>} was @param {Record<string, any>} is @returns {[string, any, any][]} */
function differences(was, is) {
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  return names.filter((name) => text(was[name]) !== text(is[name])).map((name) => [name, was[name], is[name]]);
}

/** @param {any} value */
function text(value) {
  return value === undefined || value === null ? "–" : JSON.stringify(value);
}
