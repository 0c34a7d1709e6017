"""The audit tells every change and refusal once, in one order, and whoever alters or removes an entry is found out."""

import msgspec
import pytest

from onward.bus import audit as kept
from onward.bus import config, topology
from onward.bus.bus import open_bus
from onward.contract import audit
from onward.process.metrics import Metrics
from onward_execution_state.auditing import answers
from onward_execution_state.auditing.answers import AuditAnswers
from onward_execution_state.auditing.writing import Auditor
from onward_execution_state.leader import Leader
from tests.live.execution_state.conftest import NOW, SOURCE
from tests.live.execution_state.making import until


async def life():
    return SOURCE


class World:
    def __init__(self, database, bus):
        self.database, self.bus, self.leaders = database, bus, []
        self.auditor = self.new_auditor()
        self.answers = AuditAnswers(database, self.head)

    def new_auditor(self):
        self.leaders.append(Leader(self.database, "auditing"))
        return Auditor(self.leaders[-1], self.bus.connection, life, Metrics())

    async def head(self, source):
        return await kept.head(self.bus.connection, source)

    async def put(self, name, body, actor="key:ann", kind="queue"):
        await config.put(self.bus.connection, "default", kind, name, body, None, actor=actor)

    async def refuse(self, **more):
        told = audit.Refusal(
            at=NOW,
            project="default",
            method="POST",
            path="/x",
            status=403,
            code="forbidden",
            detail="no",
            **more,
        )
        kept.tell(self.bus.connection, told)
        await until(lambda: self.told(told))

    async def told(self, refusal):
        found = await kept.messages(self.bus.connection, "ONWARD_AUDIT", 0)
        return bool(found) and b"forbidden" in found[-1].data

    async def rows(self, source="resource"):
        return [tuple(row) for row in await self.database.ask(
            "select n, actor, action, name, before, after, hash from audit_entries where source = $1 order by n", source
        )]  # fmt: skip

    async def verified(self, source="resource"):
        return await self.answers.verify(b'{"source": "%s"}' % source.encode())

    async def tamper(self, statement):
        connection = await self.database.writer(durable=True)
        await connection.execute(statement)
        await connection.close()


@pytest.fixture
async def world(database, nats_server):
    bus = await open_bus(nats_server.url, "audit", lambda: None)
    await topology.ensure(bus.connection)
    made = World(database, bus)
    yield made
    for leader in made.leaders:
        await leader.close()
    await bus.close()


@pytest.fixture
async def written(world):
    """Five entries about queues."""
    for i in range(5):
        await world.put("gpu", b'{"name": "gpu", "max_running": %d}' % (i + 1))
    assert await world.auditor.run_once(NOW) == 5
    return world


async def test_seed_audit_tells_who_changed_what_with_before_and_after(world):
    await world.put("gpu", b'{"name": "gpu"}')
    await world.put("gpu", b'{"name": "gpu", "paused": true}', actor="key:bob")
    await world.put("gpu", b"", actor="key:ann")
    await world.auditor.run_once(NOW)

    assert [row[1:6] for row in await world.rows()] == [
        ("key:ann", "queue.created", "gpu", None, '{"name":"gpu"}'),
        ("key:bob", "queue.updated", "gpu", '{"name":"gpu"}', '{"name":"gpu","paused":true}'),
        ("key:ann", "queue.deleted", "gpu", '{"name":"gpu","paused":true}', None),
    ]
    assert (await world.verified()).wrong is None


async def test_secrets_stand_in_no_entry(world):
    await world.put("lab", b'{"name": "lab", "variables": {"A": "s3cret", "B": "x"}}', kind="environment")
    await world.put("lab", b'{"name": "lab", "variables": {"A": "0ther", "B": "x"}}', kind="environment")
    await world.put("k1", b'{"id": "k1", "sha256": "abcdef", "scope": "read"}', kind="key")
    await world.auditor.run_once(NOW)

    told = str(await world.rows())
    assert not any(secret in told for secret in ("s3cret", "0ther", "abcdef"))
    assert '{"A":"*** (changed)","B":"***"}' in told


async def test_refusals_are_told_with_who_and_why(world):
    await world.refuse(actor="key:ci", address="10.0.0.9", left_out=3)
    await world.auditor.run_once(NOW)

    ((_, actor, action, name, _, after, _),) = await world.rows("refusal")
    assert (actor, action, name, '"left_out":3' in after) == ("key:ci", "refused.forbidden", "POST /x", True)


async def test_another_replica_goes_on_where_the_first_one_stopped_and_nothing_is_told_twice(written):
    await written.leaders[0].close()
    await written.put("gpu", b'{"name": "gpu", "max_running": 9}')

    assert await written.new_auditor().run_once(NOW) == 1
    rows = await written.rows()
    assert [row[0] for row in rows] == [1, 2, 3, 4, 5, 6]
    assert rows[5][4] == '{"name":"gpu","max_running":5}'
    assert (await written.verified()).wrong is None


async def test_written_anew_from_the_same_streams_the_entries_have_the_same_hashes(written):
    before = await written.rows()
    await written.leaders[0].close()
    await written.tamper("truncate audit_entries, audit_positions")

    await written.new_auditor().run_once(NOW)

    assert await written.rows() == before
    assert (await written.verified()).wrong is None


async def test_heads_and_what_retention_keeps_in_config_are_no_entries(written):
    await written.put("floor", b'{"purged_to": 7}', kind="retention")

    assert await written.auditor.run_once(NOW) == 0
    found = await kept.messages(written.bus.connection, "ONWARD_CONFIG", 0)
    assert len([one for one in found if ".audit-head." in one.subject]) == 1


@pytest.mark.parametrize(
    "tampering, wrong, why",
    [
        ("update audit_entries set actor = 'key:eve' where n = 2", 2, "altered"),
        ("update audit_entries set after = '{}' where n = 4", 4, "altered"),
        ("update audit_entries set at = at + interval '1 microsecond' where n = 3", 3, "altered"),
        ("delete from audit_entries where n = 3", 3, "missing"),
        ("delete from audit_entries where n >= 4", 4, "the end is missing, up to 5"),
        ("truncate audit_entries", 1, "the end is missing, up to 5"),
    ],
)
async def test_seed_audit_verify_names_the_first_entry_that_was_tampered_with(written, tampering, wrong, why):
    await written.tamper(tampering)

    found = await written.verified()

    assert (found.wrong, why in found.why) == (wrong, True)


async def test_a_chain_that_was_written_anew_from_some_entry_on_is_found_out_and_its_head_is_not_replaced(
    written,
):
    rows = await written.database.ask("select * from audit_entries order by n")
    digest = rows[3]["hash"]
    forged = audit.Entry(**{m: rows[4][m] for m in audit.Entry.__struct_fields__} | {"actor": "key:eve"})
    digest = audit.link("resource", 5, digest, forged)
    await written.tamper(f"update audit_entries set actor = 'key:eve', hash = '{digest}' where n = 5")
    await written.tamper(f"update audit_positions set hash = '{digest}' where source = 'resource'")
    assert "written anew" in (await written.verified()).why

    await written.put("gpu", b"")
    await written.auditor.run_once(NOW)

    assert (await written.verified()).wrong == 5
    assert "resource" in written.auditor.trouble


async def test_entries_are_found_by_what_they_say_page_by_page(written):
    await written.put("cpu", b'{"name": "cpu"}', actor="key:bob")
    await written.auditor.run_once(NOW)

    async def listed(more):
        return await written.answers.entries(b'{"project": "default", "limit": 4' + more + b"}")

    first = await listed(b"")
    rest = await listed(b', "cursor": "%s"' % first["next_cursor"].encode())
    assert [one["n"] for one in first["items"] + rest["items"]] == [6, 5, 4, 3, 2, 1]
    assert rest["next_cursor"] is None
    assert [one["name"] for one in (await listed(b', "actor": "key:bob"'))["items"]] == ["cpu"]
    assert [one["n"] for one in (await listed(b', "action": "queue.created"'))["items"]] == [6, 1]
    assert (await written.answers.entries(b'{"project": "other"}'))["items"] == []


async def test_a_page_holds_no_more_than_fits_into_an_answer_and_nothing_is_left_out(written, monkeypatch):
    monkeypatch.setattr(answers, "PAGE_BYTES", 1500)
    found, cursor = [], None
    while not found or cursor is not None:
        asked = {"project": "default", "limit": 200, "cursor": cursor}
        page = await written.answers.entries(msgspec.json.encode(asked))
        assert 1 <= len(page["items"]) < 6
        found += [one["n"] for one in page["items"]]
        cursor = page["next_cursor"]

    assert found == [5, 4, 3, 2, 1]


async def test_what_people_ask_of_executions_is_told_and_what_workers_report_is_not(world):
    one = "018f0000-0000-7000-8000-000000000001"
    await world.auditor.run_once(NOW)
    told = [
        ("cancelled", b'"actor": "key:ann", "reason": "wrong one"'),
        ("paused", b'"actor": null'),
        ("submitted", b'"actor": "key:ann"'),
    ]
    for n, (kind, said) in enumerate(told, 1):
        envelope = f'"id": "e{n}", "project": "default", "execution_id": "{one}", "n": {n}, "at": "{NOW.isoformat()}"'
        body = (f'{{"type": "{kind}", {envelope}, ').encode() + said + b"}"
        await world.tamper(
            f"insert into events (execution_id, n, project, sequence, type, at, body, retention, month) values "
            f"('{one}', {n}, 'default', {n}, '{kind}', now(), '\\x{body.hex()}', 'default', date_trunc('month', now()))"
        )
    assert await world.auditor.run_once(NOW) == 0  # the projection is not there yet
    await world.tamper("update positions set sequence = 3")

    await world.auditor.run_once(NOW)

    ((_, actor, action, name, _, after, _),) = await world.rows("execution")
    assert (actor, action, name, after) == ("key:ann", "execution.cancelled", one, '{"reason":"wrong one"}')


def test_the_commands_are_those_that_the_index_and_the_statement_name():
    from onward_execution_state.statements import load

    for command in audit.COMMANDS:
        assert f"'{command}'" in load("audit.sql")["commands"]
