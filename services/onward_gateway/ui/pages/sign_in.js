/** Signing in: by the link that `onward up` opens or `onward open` makes, or with an API key. */

import { html, useEffect, useState } from "../vendor.js";
import { call } from "../net/api.js";
import { Failed } from "../parts/notice.js";
import { go, hash } from "../state/route.js";
import { session } from "../state/session.js";

export function SignInPage() {
  const [error, setError] = useState(/** @type {any} */ (null));
  const code = /^code=(.+)$/.exec(hash.value)?.[1];

  /** @param {object} proof */
  async function signIn(proof) {
    try {
      session.value = await call("POST", "/session", proof);
      go(location.pathname === "/sign-in" ? "/" : location.pathname + location.search, { replace: true });
    } catch (refused) {
      setError(refused);
    }
  }

  useEffect(() => {
    if (code) signIn({ code });
  }, [code]);

  return html`<section class="sign-in">
    <h1>Onward</h1>
    <p>Open a link that signs you in:</p>
    <pre><code>onward open</code></pre>
    <form
      onSubmit=${(/** @type {SubmitEvent} */ event) => {
        event.preventDefault();
        signIn({ key: String(new FormData(/** @type {HTMLFormElement} */ (event.target)).get("key")).trim() });
      }}
    >
      <label>or give an API key <input name="key" type="password" autocomplete="off" required /></label>
      <button class="is-main">Sign in</button>
    </form>
    <${Failed} error=${error} />
  </section>`;
}
