/** What vendor.js was made of, with its types. */
export * from "../../../tooling/vendor/vendor.js";
export type { ReadonlySignal, Signal } from "@preact/signals";
