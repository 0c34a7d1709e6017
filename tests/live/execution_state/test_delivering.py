"""Deliveries on real sockets: signed, tried again under the same id, bounded, and never to an address inside."""

import asyncio
import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from onward.contract.alerts import ChannelSpec
from onward.contract.destinations import Allowed
from onward.contract.notices import of_test
from onward.process.loop import utc_now
from onward.process.metrics import Metrics
from onward_execution_state.alerting import delivering as sending
from onward_execution_state.alerting import posting
from onward_execution_state.alerting.answers import AlertAnswers
from onward_execution_state.alerting.delivering import Delivering
from onward_execution_state.alerting.known import KnownAlerts
from onward_execution_state.alerting.mailing import MailServer
from onward_execution_state.alerting.queueing import enqueue
from onward_execution_state.leader import Leader
from onward_execution_state.moments import new_id
from tests.live.execution_state.receivers import Mailbox, Receiver

LOOPBACK = Allowed.of(("127.0.0.1",))
SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()


class Post:
    """A queue of deliveries, and who sends them."""

    def __init__(self, database, allowed=LOOPBACK, mail=None, resolver=posting.resolve):
        self.database, self.known = database, KnownAlerts()
        self.leader = Leader(database, "delivering")
        self.sender = Delivering(
            self.known, leader=self.leader, allowed=allowed, mail=mail, metrics=Metrics(), resolver=resolver
        )
        self.answers = AlertAnswers(database, self.known, lambda: None).all()
        self.now = utc_now()

    def channel(self, **members):
        spec = ChannelSpec(**{"name": "ops", "kind": "webhook", "secret": SECRET, **members})
        self.known.hear("default", "channel", spec.name, msgspec.json.encode(spec), 1)
        return spec

    async def put(self, channel, title="a test"):
        connection = await self.database.writer(durable=True)
        found = new_id()
        await enqueue(connection, channel, of_test("default", title, self.now), found, self.now)
        await connection.close()
        return found

    async def round(self, later=0.0):
        self.now = max(self.now, utc_now()) + timedelta(seconds=later)
        await self.sender.run_once(self.now)
        await self.sender.settled()

    async def ask(self, question, name, **more):
        asked = {"project": "default", "name": name, **more}
        return await self.answers[question](msgspec.json.encode(asked))

    async def close(self):
        await self.sender.close()
        await self.leader.close()


@pytest.fixture
async def post(database):
    made = []

    def make(**how):
        made.append(Post(database, **how))
        return made[-1]

    yield make
    for one in made:
        await one.close()


@pytest.fixture
async def receiver():
    async with Receiver().listening() as receiver:
        yield receiver


async def test_seed_alerts_a_webhook_is_signed_as_standard_webhooks_says(post, receiver):
    sender = post()
    found = await sender.put(sender.channel(url=receiver.url))
    await sender.round()
    ((line, headers, body),) = receiver.requests
    signed = f"msg_{found}.{headers['webhook-timestamp']}.".encode() + body
    made = base64.b64encode(hmac.new(b"s" * 32, signed, hashlib.sha256).digest()).decode()
    assert line == "POST /hook HTTP/1.1"
    assert (headers["webhook-id"], headers["webhook-signature"]) == (f"msg_{found}", f"v1,{made}")
    assert abs(datetime.now(UTC).timestamp() - int(headers["webhook-timestamp"])) < 60
    assert json.loads(body)["type"] == "test"


async def test_what_was_not_taken_is_tried_again_later_under_the_same_id_and_each_try_is_kept(post, receiver):
    receiver.answers = [500, 503]
    sender = post()
    found = await sender.put(sender.channel(url=receiver.url))
    await sender.round()
    await sender.round()
    assert len(receiver.requests) == 1, "it has to wait"
    await sender.round(later=10)
    await sender.round(later=60)
    shown = await sender.ask("delivery", found)
    assert {headers["webhook-id"] for _, headers, _ in receiver.requests} == {f"msg_{found}"}
    assert len({body for *_, body in receiver.requests}) == 1
    assert (shown["status"], [one["code"] for one in shown["log"]]) == ("delivered", [500, 503, 200])
    assert all(one["answer"] == "fine\n" and one["duration_ms"] > 0 for one in shown["log"])


async def test_a_sender_that_dies_before_it_noted_the_answer_sends_again_under_the_same_id(post, receiver):
    receiver.hold = asyncio.Event()
    first = post()
    found = await first.put(first.channel(url=receiver.url))
    await first.sender.run_once(first.now)
    async with asyncio.timeout(40):
        while not receiver.requests:
            await asyncio.sleep(0.01)
    await first.close()  # nothing of this try is stored
    receiver.hold = None
    second = post()
    second.channel(url=receiver.url)
    await second.round()
    assert [headers["webhook-id"] for _, headers, _ in receiver.requests] == [f"msg_{found}"] * 2
    assert (await second.ask("delivery", found))["status"] == "delivered"


async def test_a_delivery_is_sent_again_by_hand(post, receiver):
    sender = post()
    found = await sender.put(sender.channel(url=receiver.url))
    await sender.round()
    await sender.ask("redeliver", found)
    await sender.round(later=1)
    assert [headers["webhook-id"] for _, headers, _ in receiver.requests] == [f"msg_{found}"] * 2
    assert (await sender.ask("delivery", found))["tries"] == 2


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "0.0.0.0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
    ],
)
async def test_without_leave_no_request_reaches_an_address_inside_however_it_is_written(post, receiver, host):
    sender = post(allowed=Allowed.of(()))
    found = await sender.put(sender.channel(url=f"http://{host}:{receiver.port}/hook"))
    await sender.round()
    (tried,) = (await sender.ask("delivery", found))["log"]
    assert (receiver.requests, tried["code"]) == ([], None)
    assert "ONWARD_WEBHOOK_ALLOW" in tried["error"] or "gaierror" in tried["error"]


async def test_a_name_that_means_another_address_at_a_second_look_is_of_no_use(post, receiver):
    """The address is resolved once, checked, and connected to: the sender asks no second time."""
    asked = []

    async def rebinding(host, port):
        asked.append(host)
        return ["203.0.113.9"] if len(asked) > 1 else ["127.0.0.1"]

    sender = post(resolver=rebinding)
    await sender.put(sender.channel(url=f"http://hooks.example:{receiver.port}/hook"))
    await sender.round()
    ((_, headers, _),) = receiver.requests
    assert (asked, headers["host"]) == (["hooks.example"], f"hooks.example:{receiver.port}")


async def test_a_name_with_one_address_inside_among_others_is_refused(post, receiver):
    async def both(_host, _port):
        return ["8.8.8.8", "127.0.0.1"]

    sender = post(allowed=Allowed.of(()), resolver=both)
    found = await sender.put(sender.channel(url=f"http://hooks.example:{receiver.port}/hook"))
    await sender.round()
    (tried,) = (await sender.ask("delivery", found))["log"]
    assert "127.0.0.1 is loopback" in tried["error"]


async def test_a_redirect_is_an_answer_and_is_not_followed(post, receiver):
    receiver.answers, receiver.extra = [302], f"location: {receiver.url}\r\n"
    sender = post()
    found = await sender.put(sender.channel(url=receiver.url))
    await sender.round()
    (tried,) = (await sender.ask("delivery", found))["log"]
    assert (len(receiver.requests), tried["code"]) == (1, 302)


async def test_a_receiver_that_does_not_answer_holds_up_no_other(post, receiver, monkeypatch):
    monkeypatch.setattr(posting, "SECONDS", 4.0)
    async with Receiver().listening() as slow:
        slow.hold = asyncio.Event()
        sender = post()
        stuck = sender.channel(name="stuck", url=slow.url)
        for _ in range(20):
            await sender.put(stuck)
        await sender.put(sender.channel(url=receiver.url))
        await sender.sender.run_once(utc_now())
        async with asyncio.timeout(3.5):
            while not receiver.requests:
                await asyncio.sleep(0.01)
        await sender.sender.settled()
        assert len(slow.requests) == sending.AT_ONCE_OF_ONE
        slow.hold.set()


async def test_a_channel_that_takes_nothing_for_long_is_disabled_with_an_incident_until_it_is_enabled(
    post, receiver, monkeypatch
):
    monkeypatch.setattr(sending, "DISABLED_AFTER", timedelta(0))
    monkeypatch.setattr(sending, "AT_ONCE_OF_ONE", 1)
    receiver.answers = [500]
    sender = post()
    channel = sender.channel(url=receiver.url)
    await sender.put(channel)
    waiting = await sender.put(channel)
    await sender.round()
    incidents = (await sender.ask("incidents", "", of="_channels"))["items"]
    assert [(one["key"], one["resolved_at"]) for one in incidents] == [("ops", None)]
    later = await sender.put(channel)
    await sender.round(later=60)
    assert (await sender.ask("delivery", later))["status"] == "dropped"
    await sender.ask("enable_channel", "ops")
    (incident,) = (await sender.ask("incidents", "", of="_channels"))["items"]
    assert incident["resolved_at"] is not None
    await sender.ask("redeliver", waiting)
    await sender.round(later=1)
    assert (await sender.ask("delivery", waiting))["status"] == "delivered"


async def test_a_receiver_that_says_gone_is_asked_no_more(post, receiver):
    receiver.answers = [410]
    sender = post()
    await sender.put(sender.channel(url=receiver.url))
    await sender.round()
    assert [one["channel"] for one in await sender.ask("channels", "") if one["disabled_at"]] == ["ops"]


async def test_seed_alerts_go_out_by_mail(post):
    async with Mailbox().listening() as box:
        sender = post(mail=MailServer(url=f"smtp://127.0.0.1:{box.port}", sender="onward@example.com"))
        channel = sender.channel(kind="email", to=("ann@example.com", "bob@example.com"))
        found = await sender.put(channel, "the nightly run")
        await sender.round()
        ((to, text),) = box.mails
    assert to == ["ann@example.com", "bob@example.com"]
    assert "Subject: Test of the nightly run" in text
    assert f"Message-ID: <msg_{found}@onward>" in text


async def test_a_password_is_not_sent_to_a_mail_server_in_the_open(post):
    async with Mailbox().listening() as box:
        sender = post(
            mail=MailServer(url=f"smtp://me:secret@127.0.0.1:{box.port}", sender="onward@example.com")
        )
        found = await sender.put(sender.channel(kind="email", to=("ann@example.com",)))
        await sender.round()
        (tried,) = (await sender.ask("delivery", found))["log"]
    assert (box.mails, "STARTTLS" in tried["error"]) == ([], True)
