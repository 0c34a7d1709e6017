/** The board: what is planned, waits, runs, is done and failed. Dragging a card is a command, and so is a key. */

import { html, useEffect } from "../vendor.js";
import { BoardBar } from "../parts/board_bar.js";
import { watchKeys } from "../parts/board_keys.js";
import { BulkBar } from "../parts/bulk_bar.js";
import { CardMenu } from "../parts/card_menu.js";
import { Column, Planning } from "../parts/column.js";
import { watchDrafts } from "../parts/drafts.js";
import { Health } from "../parts/health.js";
import { Peek } from "../parts/peek.js";
import { lanesBy, SwimLanes } from "../parts/swim_lanes.js";
import { COLUMNS, complete, watchBoard } from "../state/board.js";
import { watchFigures } from "../state/figures.js";
import { listed } from "../state/filters.js";

export function BoardPage() {
  const filter = JSON.stringify(listed());
  useEffect(watchBoard, []);
  useEffect(watchDrafts, []);
  useEffect(watchKeys, []);
  useEffect(() => watchFigures(JSON.parse(filter)), [filter]);

  return html`<div class="board-page">
    <${BoardBar} />
    <${Health} />
    ${!complete.value && html`<p class="notice">More than can be shown at once: narrow it by a filter. The numbers count all of them.</p>`}
    <${BulkBar} />
    ${lanesBy.value
      ? html`<${SwimLanes} />`
      : html`<div class="board">
          <${Planning} />
          ${COLUMNS.slice(1).map((name) => html`<${Column} key=${name} name=${name} />`)}
        </div>`}
    <${Peek} />
    <${CardMenu} />
  </div>`;
}
