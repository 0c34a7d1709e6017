/** The graph of an execution: boxes that lead to what they stand for, lines between them. The steps are there as a list, too. */

import { html } from "../vendor.js";
import { span } from "../state/clock.js";
import { graphOf } from "../state/graph.js";
import { ask } from "../state/route.js";
import { stepsOf } from "../state/steps.js";

const [WIDTH, HEIGHT, BESIDE, BELOW, EDGE] = [168, 52, 44, 14, 8];
const MARKS = { saved: "✓", completed: "✓", over: "✓", failed: "✕", undone: "↺", waiting: "◷", running: "▶", "in doubt": "?" };

/** @param {{events: any[]}} props */
export function Graph({ events }) {
  const { nodes, edges, columns, rows } = graphOf(events, stepsOf(events));
  if (nodes.length === 0) return html`<p class="empty">It has no step, no wait and no child yet.</p>`;
  const x = (/** @type {any} */ node) => EDGE + node.column * (WIDTH + BESIDE);
  const y = (/** @type {any} */ node) => EDGE + node.row * (HEIGHT + BELOW);
  const [wide, high] = [2 * EDGE + columns * (WIDTH + BESIDE) - BESIDE, 2 * EDGE + rows * (HEIGHT + BELOW) - BELOW];
  return html`<div class="graph" role="region" aria-label="Graph" tabindex="0">
    <div class="paper" style=${{ width: `${wide}px`, height: `${high}px` }}>
      <svg width=${wide} height=${high} aria-hidden="true">
        ${edges.map(([a, b]) => {
          const [x1, y1, x2, y2] = [x(a) + WIDTH, y(a) + HEIGHT / 2, x(b), y(b) + HEIGHT / 2];
          return html`<path key=${a.id + b.id} d=${`M${x1},${y1} C${x1 + BESIDE / 2},${y1} ${x2 - BESIDE / 2},${y2} ${x2},${y2}`} />`;
        })}
      </svg>
      ${nodes.map(
        (node) => html`<button
          type="button" key=${node.id} class=${`node is-${node.state.replace(" ", "-")}`} title=${node.name}
          style=${{ left: `${x(node)}px`, top: `${y(node)}px`, width: `${WIDTH}px`, height: `${HEIGHT}px` }} onClick=${() => follow(node)}
        >
          <span class="what">${node.name}${node.count > 1 ? ` × ${node.count}` : ""}</span>
          <span class="muted">${MARKS[/** @type {keyof typeof MARKS} */ (node.state)] ?? ""} ${node.kind} ${node.state}${node.failed && node.count > 1 ? ` (${node.failed})` : ""}${node.to !== null ? ` · ${span(node.to - node.from)}` : ""}</span>
        </button>`,
      )}
    </div>
  </div>`;
}

/** @param {import("../state/graph.js").Node} node */
function follow(node) {
  if (node.kind === "children") ask({ tab: "tree" });
  else if (node.kind === "step") ask({ tab: "steps", step: node.name });
  else ask({ tab: "timeline" });
}
