from onward.cli import ids, table


def test_columns_line_up_whatever_the_width_of_their_characters():
    rows = [["グラフ", "x"], ["a", "y"]]

    lines = list(table.aligned(["NAME", "V"], rows, None, width=80))

    assert lines == ["NAME    V", "グラフ  x", "a       y"]


def test_only_the_last_column_is_cut_to_the_terminal():
    lines = list(table.aligned(["ID", "DETAIL"], [["0123456789", "a very long detail"]], None, width=22))

    assert lines[1] == "0123456789  a very lo…"


def test_colours_do_not_move_columns():
    plain = list(table.aligned(["A", "B"], [["x", "y"]], None, width=80))
    coloured = list(table.aligned(["A", "B"], [["x", "y"]], [[table.RED, ""]], width=80))

    assert coloured[1].replace("\x1b[31m", "").replace("\x1b[0m", "") == plain[1]


def test_a_short_id_tells_its_neighbours_apart():
    listed = [
        "018f0000-0000-7000-8000-000000000001",
        "018f0000-0000-7000-8000-000000000002",
        "018f0000-1234-7000-8000-000000000001",
        "a18f0000-1234-7000-8000-000000000001",
    ]

    short = ids.shortened(listed)

    assert len(set(short.values())) == 4
    assert all(one.startswith(short[one]) for one in listed)
    assert short[listed[3]] == "a18f0000-1234"
