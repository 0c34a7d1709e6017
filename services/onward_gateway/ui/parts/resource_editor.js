/** Makes or changes one resource: a form from the schema of its kind. Who was faster is shown, and nobody's work is lost. */

import { html, useEffect, useState } from "../vendor.js";
import { read, save } from "../net/resources.js";
import { schemaOf } from "../net/schemas.js";
import { Fields } from "./form.js";
import { Failed, Loading, tell } from "./notice.js";

/** @param {{kind: import("../state/kinds.js").Kind, name: string | null, onDone: () => void, extra?: any}} props `name` is null for a new one */
export function ResourceEditor({ kind, name, onDone, extra: Extra }) {
  const [schema, setSchema] = useState(/** @type {any} */ (null));
  const [before, setBefore] = useState(/** @type {any} */ (null));
  const [value, setValue] = useState(/** @type {any} */ (null));
  const [error, setError] = useState(/** @type {any} */ (null));
  const [round, setRound] = useState(0);

  async function load() {
    try {
      const asked = await schemaOf("post", `/${kind.plural}`);
      setSchema(asked);
      if (name === null) return setValue({});
      const found = await read(kind.plural, name);
      const members = settable(asked, found.value);
      setBefore({ value: members, etag: found.etag });
      setValue(members);
      setRound(round + 1);
      setError(null);
    } catch (refused) {
      setError(refused);
    }
  }
  useEffect(() => void load(), [kind.plural, name]);

  /** @param {Event} event */
  async function saved(event) {
    event.preventDefault();
    try {
      await save(kind.plural, value, before);
      tell(`${value.name} is saved`);
      onDone();
    } catch (refused) {
      setError(refused);
    }
  }

  /** What I changed since I opened it goes over what somebody else has saved; the rest stays theirs. */
  async function overTheirs() {
    const theirs = await read(kind.plural, value.name);
    setBefore({ value: before.value, etag: theirs.etag });
    setError(null);
  }

  if (!schema || !value) return error ? html`<${Failed} error=${error} />` : html`<${Loading} />`;
  return html`<form class="editor" aria-label=${name === null ? `New ${kind.one}` : name} onSubmit=${saved} key=${round}>
    <h2>${name === null ? `New ${kind.one}` : name}</h2>
    ${error?.code === "changed_meanwhile"
      ? html`<div class="notice" role="alert">
          <strong>Somebody was faster: this ${kind.one} has changed since you opened it.</strong>
          <div class="buttons">
            <button type="button" onClick=${load}>Show theirs, drop mine</button>
            <button type="button" onClick=${overTheirs}>Keep mine, to be saved over theirs</button>
          </div>
        </div>`
      : html`<${Failed} error=${error} />`}
    <${Fields} schema=${schema} value=${value} onChange=${setValue} errors=${error?.errors} without=${name === null ? [] : ["name"]} />
    ${Extra && html`<${Extra} value=${value} />`}
    <div class="buttons">
      <button class="is-main">Save</button>
      <button type="button" onClick=${onDone}>Leave it</button>
      <code class="muted">onward ${kind.command} ${name === null ? "create" : "update"} ${value.name ?? "NAME"} --set …</code>
    </div>
  </form>`;
}

/** Of what is shown, what can be set; what nobody set is left out. @param {any} schema @param {any} shown */
function settable(schema, shown) {
  const members = Object.entries(schema.properties).filter(([name, member]) => name in shown && shown[name] !== null && !same(shown[name], member.default));
  return Object.fromEntries(members.map(([name]) => [name, shown[name]]));
}

/** @param {any} one @param {any} other */
function same(one, other) {
  return JSON.stringify(one) === JSON.stringify(other);
}
