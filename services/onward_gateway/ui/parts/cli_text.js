/** Commands as a shell takes them. */

/** One word. @param {string} text */
export function quoted(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** What submits an execution like this one: same task, input, place, limits and labels. @param {any} x an execution */
export function runText(x) {
  const words = ["onward", "run", x.task];
  const add = (/** @type {string} */ option, /** @type {any} */ value) => void (value !== null && value !== undefined && words.push(option, String(value)));
  if (x.input !== null) add("-i", JSON.stringify(x.input));
  add("--queue", x.queue);
  add("--environment", x.environment);
  add("--priority", x.priority);
  for (const [name, value] of Object.entries(x.labels)) add("--label", `${name}=${value}`);
  add("--retries", x.max_attempts - 1);
  if (x.timeouts.attempt !== null) add("--timeout", `${x.timeouts.attempt}s`);
  add("--retention", x.retention);
  return words.map(quoted).join(" ");
}
