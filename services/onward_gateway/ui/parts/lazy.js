/** A page whose module is fetched when somebody goes there. */

import { html, signal, useEffect } from "../vendor.js";
import { Failed, Loading } from "./notice.js";

/** @param {() => Promise<Record<string, any>>} load @param {string} name of the component in the module */
export function lazy(load, name) {
  const found = signal(/** @type {{page?: any, error?: any}} */ ({}));
  return function Lazy(/** @type {any} */ props) {
    const { page, error } = found.value;
    useEffect(() => {
      if (!page) load().then((module) => (found.value = { page: module[name] }), (broken) => (found.value = { error: broken }));
    }, []);
    if (error) return html`<${Failed} error=${error} />`;
    return page ? html`<${page} ...${props} />` : html`<${Loading} />`;
  };
}
