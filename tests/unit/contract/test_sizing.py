import pytest

from onward.contract.sizing import Load, suggest


def load(**fields):
    usual = {"queue": "gpu", "window_seconds": 900.0, "busy_ms": 0, "ended": 0, "waiting": 0, "running": 0,
             "workers": 2, "slots": 20, "wait_p95_ms": 12.0}  # fmt: skip
    return Load(**{**usual, **fields})


@pytest.mark.parametrize(
    "fields, suggested, why",
    [
        ({}, 0, "nothing waits, runs or has ended lately"),
        ({"ended": 3}, 1, "0.0 of 20 slots used, 0 waiting: fewer are enough"),
        ({"busy_ms": 14 * 900_000, "ended": 900}, 2, "14.0 of 20 slots used, 0 waiting: enough"),
        ({"busy_ms": 20 * 900_000, "ended": 900}, 3, "20.0 of 20 slots used, 0 waiting: more workers keep waits short"),
        ({"busy_ms": 2 * 900_000, "ended": 900}, 1, "2.0 of 20 slots used, 0 waiting: fewer are enough"),
        # 600 that take 14 s each, within a minute: 140 slots more.
        (
            {"busy_ms": 14 * 900_000, "ended": 900, "waiting": 600}, 16,
            "14.0 of 20 slots used, 600 waiting: more workers keep waits short",
        ),
        ({"workers": 0, "slots": 0, "waiting": 3}, 1, "no worker listens, and 3 wait"),
        ({"waiting": 6000}, 10, "0.0 of 20 slots used, 6000 waiting: more workers keep waits short"),
        ({"running": 1}, 1, "0.0 of 20 slots used, 0 waiting: fewer are enough"),
    ],
)  # fmt: skip
def test_seed_right_size_suggests_workers_from_what_is_used_and_what_waits(fields, suggested, why):
    told = suggest(load(**fields))

    assert (told.suggested, told.why) == (suggested, why)


def test_more_used_and_more_waiting_never_ask_for_fewer():
    needed = [
        [
            suggest(load(busy_ms=busy * 90_000, ended=500, waiting=waiting)).suggested
            for waiting in range(0, 900, 90)
        ]
        for busy in range(0, 300, 30)
    ]

    assert all(row == sorted(row) for row in needed)
    assert all(column == sorted(column) for column in map(list, zip(*needed, strict=True)))
