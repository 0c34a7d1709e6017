"""What the audit says of a resource holds nothing that opens something."""

from datetime import UTC, datetime

import pytest

from onward.contract.audit import changed

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "kind, resource",
    [
        ("channel", b'{"name":"ops","secret":"whsec_s3cret","previous_secret":"whsec_s3cret"}'),
        ("channel", b'{"name":"ops","kind":"slack","url":"https://hooks.slack.com/services/s3cret"}'),
        ("webhook", b'{"name":"door","secrets":[{"secret":"whsec_s3cret"}]}'),
        ("key", b'{"name":"ci","sha256":"s3cret"}'),
    ],
)
def test_no_secret_of_a_resource_stands_in_its_entries(kind, resource):
    where = ("default", kind, "x")
    for before, after in ((b"", resource), (resource, resource.replace(b"name", b"title")), (resource, b"")):
        entry = changed(sequence=1, at=NOON, actor="key:ann", where=where, before=before, after=after)
        assert "s3cret" not in f"{entry.before}{entry.after}"
        assert entry.action.startswith(f"{kind}.")
