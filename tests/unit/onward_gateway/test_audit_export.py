"""The audit as a file: all of it, page after page, and harmless to spreadsheets."""

import csv
import io

import msgspec
import pytest

from onward.contract import subjects

FORMULAS = (
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",
    "a\r=1",
)


def entry(n, **said):
    return {
        "source": "resource", "n": n, "sequence": n, "project": "default", "at": "2026-01-01T12:00:00Z",
        "actor": "key:ann", "action": "queue.updated", "kind": "queue", "name": "gpu", "before": None,
        "after": {"note": 'says "hi", twice\nand more'}, "hash": "f" * 64, **said,
    }  # fmt: skip


class Audited:
    """execution_state's answers, two entries a page."""

    def __init__(self, entries):
        self.entries, self.asked, self.problem = entries, [], None

    async def answer(self, _subject, data):
        asked = msgspec.json.decode(data)
        self.asked.append(asked)
        if self.problem is not None:
            return msgspec.json.encode({"problem": self.problem})
        start = int(asked.get("cursor") or 0)
        end = start + 2
        more = str(end) if end < len(self.entries) else None
        return msgspec.json.encode({"items": self.entries[start:end], "next_cursor": more})


@pytest.fixture
async def audited(house):
    double = Audited([entry(n, name=formula, actor=formula) for n, formula in enumerate(FORMULAS, 1)])
    stop = await house.state.process.messages.subscribe(subjects.ask("state", "audit"), double.answer)
    yield double
    await stop()


async def test_an_export_holds_all_pages_one_entry_a_line(house, audited):
    reply = await house.call("GET", "/api/v1/audit/export?kind=queue")

    assert [msgspec.json.decode(line) for line in reply.body.splitlines()] == audited.entries
    assert {asked["kind"] for asked in audited.asked} == {"queue"}
    assert reply.headers["content-disposition"] == 'attachment; filename="audit.ndjson"'


async def test_no_text_of_a_csv_is_a_formula(house, audited):
    reply = await house.call("GET", "/api/v1/audit/export?format=csv")

    rows = list(csv.DictReader(io.StringIO(reply.body.decode(), newline="")))
    harmless = [f"'{formula}".replace("\r", "\n") for formula in FORMULAS[:-1]] + ["a\n=1"]
    assert [row["name"] for row in rows] == harmless
    assert [row["actor"] for row in rows] == harmless
    assert msgspec.json.decode(rows[0]["after"]) == audited.entries[0]["after"]
    assert rows[0]["at"] == "2026-01-01T12:00:00Z"
    assert reply.headers["content-type"].startswith("text/csv")


async def test_what_cannot_be_read_is_refused_before_a_file_begins(house, audited):
    audited.problem = {
        "code": "unavailable",
        "status": 503,
        "message": "no Postgres",
        "fix": "",
        "retry_after": 1,
    }

    reply = await house.call("GET", "/api/v1/audit/export")

    assert (reply.status, reply.code) == (503, "unavailable")


async def test_whoever_may_not_see_the_audit_gets_no_file_of_it(house, audited):
    key = house.add_key("default", scope="operate")

    assert (await house.call("GET", "/api/v1/audit/export", key=key)).status == 403
    assert audited.asked == []
