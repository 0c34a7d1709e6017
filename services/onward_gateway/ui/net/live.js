/** The one WebSocket: any number of channels, opened again by themselves after a break. */

import { signal } from "../vendor.js";

/** "live", "connecting" or "lost": what the dot in the head shows. */
export const connection = signal("connecting");

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 10_000;
/** Milliseconds after which a channel that the server closed is asked for again. */
const AGAIN = 2000;

/** @typedef {{ask: () => object, hear: (message: any) => void}} Channel */

/** @type {Map<string, Channel>} */
const channels = new Map();
/** @type {WebSocket | null} */
let socket = null;
let ready = false;
let pause = FIRST_PAUSE;
let serial = 0;

/**
 * Opens a channel; `ask` is called at each new connection, so that it can say where to go on from.
 * @param {() => object} ask
 * @param {(message: any) => void} hear
 * @returns {() => void} closes it
 */
export function subscribe(ask, hear) {
  const id = `c${++serial}`;
  channels.set(id, { ask, hear });
  if (ready) say({ type: "subscribe", ...ask(), id });
  else open();
  return () => {
    channels.delete(id);
    if (ready) say({ type: "unsubscribe", id });
  };
}

/** Ends the connection, and does not open it again before the next channel. */
export function close() {
  channels.clear();
  socket?.close();
}

/** @param {object} message */
function say(message) {
  socket?.send(JSON.stringify(message));
}

function open() {
  if (socket !== null) return;
  const address = new URL("/api/v1/ws", location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(address);
  connection.value = "connecting";
  socket.onmessage = (event) => heard(JSON.parse(event.data));
  socket.onclose = lost;
}

/** @param {any} message */
function heard(message) {
  if (message.type === "ready") {
    ready = true;
    pause = FIRST_PAUSE;
    connection.value = "live";
    for (const [id, channel] of channels) say({ type: "subscribe", ...channel.ask(), id });
    return;
  }
  const channel = channels.get(message.id);
  channel?.hear(message);
  if (message.type === "error" && channel && message.code !== "not_found") {
    setTimeout(() => ready && channels.has(message.id) && say({ type: "subscribe", ...channel.ask(), id: message.id }), AGAIN);
  }
}

function lost() {
  socket = null;
  ready = false;
  if (channels.size === 0) return;
  connection.value = "lost";
  setTimeout(open, pause * (0.5 + Math.random() / 2));
  pause = Math.min(LONGEST_PAUSE, pause * 2);
}
