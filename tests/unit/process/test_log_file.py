import os
import stat

from onward.process.log_file import open_to_append, rotate, tail


def test_a_log_above_its_cap_is_moved_aside_and_its_writer_goes_on(tmp_path):
    path = tmp_path / "logs" / "one.log"
    out = open_to_append(path)
    os.write(out, b"x" * 200)

    moved = rotate(path, cap=100)
    os.write(out, b"after\n")
    os.close(out)

    assert moved
    assert path.read_bytes() == b"after\n"
    assert path.with_name("one.log.1").read_bytes() == b"x" * 200


def test_a_log_below_its_cap_is_left_alone(tmp_path):
    path = tmp_path / "one.log"
    path.write_text("short")
    assert not rotate(path, cap=100)
    assert not rotate(tmp_path / "none.log", cap=100)
    assert path.read_text() == "short"


def test_only_so_many_old_logs_are_kept(tmp_path):
    path = tmp_path / "one.log"
    for text in ("first", "second", "third"):
        path.write_text(text * 30)
        assert rotate(path, cap=10, keep=2)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["one.log", "one.log.1", "one.log.2"]
    assert path.with_name("one.log.2").read_text() == "second" * 30


def test_logs_are_for_their_owner_only(tmp_path):
    os.close(open_to_append(tmp_path / "logs" / "one.log"))
    assert stat.S_IMODE((tmp_path / "logs" / "one.log").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "logs").stat().st_mode) == 0o700


def test_the_tail_holds_the_last_lines_since_a_position(tmp_path):
    path = tmp_path / "one.log"
    path.write_text("old\n" + "".join(f"line {n}\n" for n in range(2000)))
    assert tail(path, lines=2) == ["line 1998", "line 1999"]
    assert tail(path, after=path.stat().st_size) == []
    assert tail(tmp_path / "none.log") == []
