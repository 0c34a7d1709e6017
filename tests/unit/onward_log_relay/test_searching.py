import pytest

from onward.contract import lines as li
from onward.http.auth import new_key
from onward_log_relay import searching
from onward_log_relay.app import create_app
from onward_log_relay.selection import Selection
from tests.support.asgi import Request
from tests.support.log_relay import ID, KEY, NOON, Life, LogBuilder, MemoryLog, relay_over

URL = f"/api/v1/executions/{ID}/logs/matches"


@pytest.fixture
async def relay(process):
    return relay_over(process)


@pytest.fixture
async def log(bus, process):
    await (await Life(process).submitted()).started()
    return MemoryLog(bus)


@pytest.fixture
def get(relay):
    def get(query, key=KEY):
        return Request(create_app(relay), URL + query, {"authorization": f"Bearer {key}"}).done()

    return get


async def test_matches_are_the_numbers_of_the_lines_in_the_whole_log(get, log):
    for i in range(100):
        log.add(*[f"{i} {j}" for j in range(7)])
    found = (await get("?grep=3%206")).json
    assert found == {
        "lines": [n * 70 + 28 for n in range(10)], "total": 10, "next_after": None, "last_line": 700,
    }  # fmt: skip


async def test_upper_and_lower_case_are_the_same_unless_they_are_asked_for(get, log):
    log.add("Error", "error", "ÜBER", "über", "\u212a is a Kelvin")
    assert (await get("?grep=eRROR")).json["lines"] == [1, 2]
    assert (await get("?grep=error&case=same")).json["lines"] == [2]
    assert (await get("?grep=%C3%BCber")).json["lines"] == [3, 4]
    assert (await get("?grep=k%20is")).json["lines"] == [5]


@pytest.mark.parametrize("text", ['say "no"', "back\\slash", "tab\there", "a/b", "\u001b[31m", "100%", ".*"])
@pytest.mark.parametrize("any_case", [False, True])
def test_a_text_is_found_letter_for_letter_whatever_json_makes_of_it(text, any_case):
    head = li.head(LogBuilder().chunk("before", f"<{text}>", "after"))
    assert Selection(grep=text, any_case=any_case).numbers(head, 0) == [2]
    assert Selection(grep=f"{text}x", any_case=any_case).numbers(head, 0) == []


def test_what_stands_around_the_text_of_a_line_is_not_searched():
    head = li.head(LogBuilder().chunk("one", "two"))
    assert Selection(grep="stdout").numbers(head, 0) == []
    assert Selection(grep='"text"').numbers(head, 0) == []


async def test_only_lines_of_a_level_and_behind_a_line_count(get, log):
    log.add("hit", "hit", "hit", "miss", levels=["error", "info", "critical", "error"])
    assert (await get("?grep=hit&level=error")).json["lines"] == [1, 3]
    assert (await get("?grep=hit&after=1")).json["lines"] == [2, 3]


async def test_more_than_an_answer_holds_are_counted(get, log, monkeypatch):
    monkeypatch.setattr(searching, "MOST", 3)
    log.add(*["hit"] * 5)
    log.add("hit")
    found = (await get("?grep=hit")).json
    assert (found["lines"], found["total"]) == ([1, 2, 3], 6)


async def test_a_search_whose_time_is_over_says_where_to_go_on(relay, log):
    for _ in range(40):
        log.add("hit", "miss")
    history = relay.history("default", ID)
    lines, after, answers = [], 0, 0
    while after is not None:
        found = await searching.search(history, Selection(grep="hit"), after, seconds=-1)
        assert found.total == len(found.lines)
        lines, after, answers = lines + found.lines, found.next_after, answers + 1
    assert lines == list(range(1, 81, 2))
    assert answers > 1


async def test_a_log_that_is_empty_has_no_matches(get, log):
    found = (await get("?grep=x")).json
    assert found == {"lines": [], "total": 0, "next_after": None, "last_line": 0}


@pytest.mark.parametrize(
    "query", ["", "?grep=", f"?grep={'x' * 201}", "?grep=x&case=none", "?grep=x&regex=1"]
)
async def test_what_cannot_be_searched_for_is_refused(get, log, query):
    assert (await get(query)).status == 400


async def test_another_project_finds_nothing(get, relay, log, process):
    log.add("secret")
    key, spec = new_key("other", now=NOON)
    find = relay.keys._find
    relay.keys._find = lambda project, public_id: spec if public_id == spec.id else find(project, public_id)

    async def nothing(subject, data):
        return b"null"

    await process.messages.subscribe("onward.ask.state.execution", nothing)
    answer = await get("?grep=secret", key)
    assert (answer.status, answer.json["code"]) == (404, "not_found")
