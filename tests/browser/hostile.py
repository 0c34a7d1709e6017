"""Texts that would do something if a page took them for more than text, and an installation that is full of them."""

import re
from collections.abc import Mapping
from typing import Any

from tests.support.seed_page import Onward

RUNS = "window.pwned=1"
TEXTS = (
    f"<script>{RUNS}</script>",
    f"<img src=x onerror={RUNS}>",
    f'"><svg onload={RUNS}>',
    f"' onfocus={RUNS} autofocus x='",
    f"javascript:{RUNS}",
    f'<a href="javascript:{RUNS}">here</a>',
    f"\u001b[31m<img src=x onerror={RUNS}>\u001b]8;;javascript:{RUNS}\u0007link\u001b]8;;\u0007",
    "{{constructor.constructor('" + RUNS + "')()}} ${" + RUNS + "}",
    f"</textarea></title></style></template><script>{RUNS}</script>",
    "\u202eright to left \u2066isolated\u2069 \u200fmarks\u202c",
    "\U0001f469\u200d\U0001f692\U0001f3f3\ufe0f\u200d\U0001f308 e\u0301\u0300\u0323 \ufdfa",
    "nowhere-to-break" * 120,
)
SCRIPTS = TEXTS[:9]
"""Those that would run something."""
SHORT = tuple(text[:200] for text in TEXTS)


def _of_kinds(at: int, text: str) -> Mapping[str, Mapping[str, Any]]:
    """A resource of each kind with a text in every member that takes one."""
    labels, name = {"text": text}, f"hostile-{at}"
    # Double braces name a part of the call in what webhooks and schedules submit, and others are refused.
    plain = text.replace("{{", "{")
    runs = {"task": "greet", "input": {"name": text}, "labels": labels}
    filled_in = {**runs, "input": {"name": plain}, "labels": {"text": plain}}
    return {
        "environments": {"name": name, "description": text, "variables": {"TEXT": text}, "labels": labels},
        "queues": {"name": name, "description": text, "labels": labels, "paused": True, "paused_because": text},
        "agents": {"name": name, "task": "greet", "description": text, "labels": labels, "config": {text: text}},
        "teams": {"name": name, "agents": [name], "description": text},
        "schedules": {
            "name": name, "cron": "0 3 1 1 *", "description": text, "paused": True, "paused_because": text,
            "submission": filled_in,
        },
        "drafts": {"name": name, "title": text, "notes": text, **runs},
        "webhooks": {"name": name, "description": text, "submission": filled_in},
        "channels": {"name": name, "url": f"http://127.0.0.1:9/{at}", "description": text, "label": f"a={text}"},
        "alerts": {"name": name, "task": "none", "description": text, "label": f"a={text}"},
        "policies": {
            "name": name, "task": "none", "description": text,
            "module": f"package a\n\n# {text.splitlines()[0]}\nallow = true\n",
        },
        "saved-views": {
            "name": name, "title": text, "description": text, "filters": {"q": text, "label": [f"a={text}"]},
        },
        "api-keys": {"name": re.sub(r"[\x00-\x1f]", "", text)[:64], "scope": "read"},
    }  # fmt: skip


def fill(onward: Onward) -> dict[str, str]:
    """Puts them into all that an installation holds; ids of executions that show them, by what became of them."""
    for at, text in enumerate(SHORT):
        for plural, body in _of_kinds(at, text).items():
            onward.rest("POST", f"/{plural}", body)
    greeted = [
        onward.submit("greet", {"name": text}, labels={"text": short, short[:60]: "1"}, task_id=short)
        for text, short in zip(TEXTS, SHORT, strict=True)
    ]
    failed = [onward.submit("fails_with", {"text": text}, retry={"attempts": 1}) for text in TEXTS]
    asked = [onward.submit("deploy", {"version": text}) for text in TEXTS[:4]]
    said = onward.submit("says", {"text": "\n".join(TEXTS)})
    cancelled = onward.submit("greet", {"name": TEXTS[1]}, delay=3600)
    onward.rest("POST", f"/executions/{cancelled}/cancel", {"reason": TEXTS[1]})
    for execution in (*greeted, *failed, said, cancelled):
        onward.ended(execution)
    onward.until(
        lambda: onward.rest("GET", "/questions?status=open")["items"], lambda found: len(found) >= len(asked)
    )
    onward.until(
        lambda: onward.rest("GET", "/error-groups")["items"], lambda found: len(found) >= len(TEXTS) - 1
    )
    return {
        "greeted": greeted[1],
        "said": said,
        "failed": failed[0],
        "asked": asked[0],
        "cancelled": cancelled,
    }
