"""Where batches wait: a link into memory, that the server removes and `onward up` puts back."""

import pytest

from onward.cli.embedded import scratch
from onward.cli.embedded.scratch import Scratch
from onward.contract import subjects


@pytest.fixture
def stream(tmp_path):
    """The folder of EVENTS in a store."""
    folder = tmp_path / "store" / "jetstream" / "APP" / "streams" / subjects.EVENTS
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def made(tmp_path, stream):
    (tmp_path / "memory").mkdir()
    return Scratch(tmp_path / "store", memory=tmp_path / "memory")


def test_batches_wait_in_a_folder_that_only_its_owner_may_enter(made, stream):
    (stream / "batches").mkdir()

    assert made.keep()

    target = (stream / "batches").resolve()
    assert target.parent.name == "memory"
    assert target.stat().st_mode & 0o777 == 0o700


def test_the_link_comes_back_after_the_server_took_it_and_begins_empty(made, stream):
    made.keep()
    (stream / "batches" / "left").mkdir()
    (stream / "batches").unlink()

    assert made.keep()

    assert (stream / "batches").is_symlink()
    assert list((stream / "batches").iterdir()) == []


def test_a_batch_on_disk_that_is_under_way_is_left_alone(made, stream):
    (stream / "batches" / "open").mkdir(parents=True)

    assert not made.keep()

    assert (stream / "batches" / "open").is_dir()


def test_a_folder_that_somebody_else_put_there_is_not_used(made, stream, tmp_path):
    made.keep()
    target = (stream / "batches").resolve()
    (stream / "batches").unlink()
    target.rmdir()
    target.symlink_to(tmp_path)

    assert not made.keep()

    assert not (stream / "batches").exists()


@pytest.mark.parametrize("free", [0, scratch._ROOM - 1])
def test_batches_stay_on_disk_where_memory_is_short(made, stream, monkeypatch, free):
    monkeypatch.setattr(scratch, "_free", lambda _: free)

    assert not made.keep()


def test_batches_stay_on_disk_where_there_is_no_such_memory(stream, tmp_path):
    assert not Scratch(tmp_path / "store", memory=tmp_path / "none").keep()


def test_nothing_is_left_behind_in_the_end(made, stream, tmp_path):
    made.keep()

    made.remove()

    assert list((tmp_path / "memory").iterdir()) == []
    assert list(stream.iterdir()) == []
