/** An execution as a graph: steps, waits and children, each kind and name once, from left to right as time went. */

/** @typedef {{id: string, kind: "step" | "wait" | "children" | "question", name: string, state: string, count: number, failed: number, from: number, to: number | null, column: number, row: number}} Node */
/** @typedef {{nodes: Node[], edges: [Node, Node][], columns: number, rows: number}} Graph */

/** @param {any[]} events @param {import("./steps.js").Step[]} steps @returns {Graph} */
export function graphOf(events, steps) {
  /** @type {Map<string, Node>} */
  const found = new Map();
  const add = (/** @type {Node["kind"]} */ kind, /** @type {string} */ name, /** @type {number} */ from, /** @type {number | null} */ to, state = "", count = 1) => {
    const id = `${kind} ${name}`;
    const node = found.get(id) ?? { id, kind, name, state, count: 0, failed: 0, from, to, column: 0, row: 0 };
    node.count += count;
    node.failed += state === "failed" ? 1 : 0;
    node.from = Math.min(node.from, from);
    node.to = node.to === null || to === null ? null : Math.max(node.to, to);
    node.state = node.failed ? "failed" : state;
    found.set(id, node);
    return node;
  };
  for (const step of steps) add("step", step.name, step.from, step.to, step.state);
  /** @type {Map<string, Node>} what is waited for, until it is over */
  const open = new Map();
  for (const event of events) {
    const at = Date.parse(event.at);
    if (event.type === "children_spawned") open.set(`group ${event.group}`, add("children", event.task, at, null, "running", event.inputs.length));
    else if (event.type === "slept") open.set(`wait ${event.wait}`, add("wait", "sleep", at, null, "waiting"));
    else if (event.type === "question_asked") open.set(`wait ${event.wait}`, add("question", event.text, at, null, "waiting"));
    else if (event.type === "event_awaited") open.set(`wait ${event.wait}`, add("wait", `event ${event.name}`, at, null, "waiting"));
    else if (event.type === "children_done") for (const one of event.ends) over(open, `group ${one.group}`, at, one.outcome);
    else if (["answered", "event_received", "wait_expired"].includes(event.type)) over(open, `wait ${event.wait}`, at, "over");
    else if (event.type === "started") allOver(open, at, (node) => node.name === "sleep");
    else if (["completed", "failed", "cancelled"].includes(event.type)) allOver(open, at, () => true);
  }
  return placed([...found.values()].sort((a, b) => a.from - b.from));
}

/** @param {Map<string, Node>} open @param {string} key @param {number} at @param {string} state */
function over(open, key, at, state) {
  const node = open.get(key);
  if (!node) return;
  node.to = Math.max(node.to ?? at, at);
  if (state === "failed") node.failed++;
  node.state = node.failed ? "failed" : node.kind === "children" ? "completed" : "over";
}

/** @param {Map<string, Node>} open @param {number} at @param {(node: Node) => boolean} which */
function allOver(open, at, which) {
  for (const [key, node] of open) if (which(node)) over(open, key, at, "over");
}

/** What began after another had ended stands to the right of it. @param {Node[]} nodes @returns {Graph} */
function placed(nodes) {
  /** @type {[Node, Node][]} */
  const edges = [];
  /** @type {number[]} */
  const rows = [];
  for (const node of nodes) {
    const before = nodes.filter((one) => one !== node && one.to !== null && one.to <= node.from && one.from < node.from);
    node.column = before.length ? 1 + Math.max(...before.map((one) => one.column)) : 0;
    node.row = rows[node.column] = (rows[node.column] ?? -1) + 1;
    for (const one of before) if (one.column === node.column - 1) edges.push([one, node]);
  }
  return { nodes, edges, columns: rows.length, rows: 1 + Math.max(-1, ...rows) };
}
