"""Which files an export has."""

import pytest

from onward_execution_state.maintenance import exporting


@pytest.mark.parametrize(
    "installed, files", [(True, ["ends.ndjson.gz", "ends.parquet"]), (False, ["ends.ndjson.gz"])]
)
def test_parquet_is_written_where_pyarrow_is_installed(tmp_path, monkeypatch, installed, files):
    if not installed:
        monkeypatch.setattr(exporting, "find_spec", lambda _name: None)

    begun = list(exporting.begun(tmp_path / "ends", [("n", "integer")]))
    for file in begun:
        file.close()

    assert [file.path.name for file in begun] == files
