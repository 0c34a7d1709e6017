/** A list of cards of one height, of which only those exist that can be seen. */

import { html, useEffect, useRef, useState } from "../vendor.js";

const SPARE = 4;

/** @param {{items: any[], height: number, label: string, children: (item: any, index: number) => any}} props */
export function Lane({ items, height, label, children }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [view, setView] = useState({ top: 0, height: 800 });

  useEffect(() => {
    const element = /** @type {HTMLElement} */ (box.current);
    const look = () => setView({ top: element.scrollTop, height: element.clientHeight });
    const watching = new ResizeObserver(look);
    watching.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    return () => (watching.disconnect(), element.removeEventListener("scroll", look));
  }, []);

  const first = Math.max(0, Math.floor(view.top / height) - SPARE);
  const shown = items.slice(first, Math.ceil((view.top + view.height) / height) + SPARE);
  return html`<div class="lane" ref=${box} role="list" aria-label=${label} tabindex="-1">
    <div class="whole" style=${{ height: `${items.length * height}px` }}>
      <div class="part" style=${{ transform: `translateY(${first * height}px)` }}>
        ${shown.map((item, place) => children(item, first + place))}
      </div>
    </div>
  </div>`;
}
