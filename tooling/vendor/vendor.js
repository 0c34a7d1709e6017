// What the pages need from others, in one file: `python3 dev.py vendor` makes ui/vendor.js of it.
export { Component, createContext, h, render } from "preact";
export { useCallback, useContext, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
export { batch, computed, effect, signal, untracked, useComputed, useSignal, useSignalEffect } from "@preact/signals";
export { AnsiUp } from "ansi_up";
import { h } from "preact";
import htm from "htm";
export const html = htm.bind(h);
