import random

import msgspec

from onward_execution_state.fold import Known
from onward_execution_state.rows import execution_columns, plain, size_of, state_of
from tests.unit.onward_execution_state.histories import Walk


def test_nul_is_kept_out_of_text_but_not_out_of_the_state():
    made = Walk(random.Random(1)).submit(labels={"a\x00": "b\x00"}, task="shell\x00", source="a\x00b")

    columns = execution_columns([Known(made.state, 7, 7)])

    texts = [column[0] for column in columns[:-1] if isinstance(column[0], str)]
    assert all("\x00" not in text and "\\u0000" not in text for text in texts)
    assert state_of(columns[-1][0]).labels == {"a\x00": "b\x00"}


def test_text_without_nul_stays_as_it_is():
    assert (plain("grün"), plain(None), plain("")) == ("grün", None, "")


def test_the_state_comes_back_as_it_was():
    made = Walk(random.Random(1)).submit().claim().suspend()

    columns = execution_columns([Known(made.state, 7, 7)])

    assert msgspec.json.encode(state_of(columns[-1][0])) == msgspec.json.encode(made.state)
    assert size_of(columns) == [len(columns[-1][0])]
