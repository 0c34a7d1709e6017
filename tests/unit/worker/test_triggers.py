"""What follows the end of an execution: which branches are taken, with what input, once for each end."""

import asyncio
import json

import pytest

from onward.bus.triggers import TriggerKeeper
from onward.contract import commands, decide
from onward.contract import events as ev
from onward.contract.execution import Status
from onward.contract.triggers import shown
from tests.support.builders import raw
from tests.support.follow_ups import EACH, branch, out, played


def test_success_leads_to_one_task_with_the_output_as_its_input_and_the_other_branch_is_skipped():
    async def main(shop):
        first = await shop.begin(EACH, labels={"order": "7"})
        assert {one.status for one in (await shop.branches(first)).values()} == {"waiting"}
        await shop.ended(first)

        second = await shop.followed(first)

        assert out(second) == "plain a 1"
        assert (second.source, second.labels, second.root_id) == ("trigger", {"order": "7"}, first)
        assert second.triggered_by == ev.TriggeredBy(execution_id=first, on="success", life=1)
        told = await shop.branches(first)
        assert {on: one.status for on, one in told.items()} == {
            "success": "started", "failure": "skipped", "any": "started",
        }  # fmt: skip
        assert out(await shop.followed(first, "any")) == "tidy"
        last = (await shop.log(first)).stored[-1].event
        assert [(one.on, bool(one.execution_id)) for one in last.then] == [
            ("success", True), ("failure", False), ("any", True),
        ]  # fmt: skip

    played(main)


def test_failure_leads_to_another_task_which_hears_what_went_wrong():
    async def main(shop):
        first = await shop.begin(EACH, {"fail": True})
        await shop.ended(first)

        assert out(await shop.followed(first, "failure")) == "build failed: does not compile"
        assert (await shop.branches(first))["success"].status == "skipped"

    played(main)


def test_a_cancel_is_neither_success_nor_failure():
    async def main(shop):
        first = await shop.begin((*EACH[:2], branch("any", "alarm")))
        await shop.command(first, lambda state, moment: commands.cancel(state, moment, "by mistake"))

        assert out(await shop.followed(first, "any")) == "build cancelled: by mistake"
        told = await shop.branches(first)
        assert (told["success"].status, told["failure"].status) == ("skipped", "skipped")

    played(main)


def test_a_retry_that_succeeds_is_followed_by_its_own_branch_and_each_failure_by_one():
    async def main(shop):
        first = await shop.begin(EACH, {"fail": True})
        await shop.ended(first)
        for life, fail in ((2, True), (3, False)):
            given = raw({"fail": fail})
            await shop.command(first, lambda s, m, given=given: commands.retry(s, m, input=given))
            state = await shop.until(first, lambda s, life=life: s.ended and s.lives == life)

        told = [one for one in shown(state) if one.status == "started" and one.on != "any"]
        assert [(one.on, one.life) for one in told] == [("failure", 1), ("failure", 2), ("success", 3)]
        assert len({one.execution_id for one in told}) == 3
        await shop.followed(first, "success")

    played(main)


def test_what_is_held_for_repair_has_not_ended_and_nothing_follows_it():
    async def main(shop):
        first = await shop.begin(EACH, on_exhausted="hold")
        log = await shop.log(first)
        failed = ev.Failed(
            **decide.last(log.execution, shop.gateway.moment(), "held"), reason="held",
            error=ev.Failure(type="E", message="m"),
        )  # fmt: skip
        assert failed.then == ()

    played(main)


def test_follow_ups_follow_each_other():
    chain = (branch("success", "build", input=raw({"size": 3}), then=(branch("success", "publish"),)),)

    async def main(shop):
        first = await shop.begin(chain)
        await shop.ended(first)
        second = await shop.followed(first)
        third = await shop.followed(second.id)
        assert out(third) == "plain aaa 3"
        assert third.root_id == first

    played(main)


def test_an_input_is_made_of_the_output_and_the_input_before():
    template = raw({"path": "{{output.path}}/{{input.size}}", "kind": "{{execution.task}}"})

    async def main(shop):
        first = await shop.begin((branch("success", "publish", input=template),), {"size": 2})
        await shop.ended(first)
        assert out(await shop.followed(first)) == "build aa/2 4"

    played(main)


@pytest.mark.parametrize("template", [None, raw({"path": "{{output.path}}"})])
def test_a_large_output_is_passed_on_whole(template):
    async def main(shop):
        first = await shop.begin((branch("success", "publish", input=template),), {"size": 300_000})
        await shop.ended(first)
        second = await shop.followed(first)
        assert out(second) == "plain aaaaaaaaaa 300000"
        assert sum(len(ev.encode(item.event)) for item in (await shop.log(first)).stored) < 10_000

    played(main)


def test_an_input_that_cannot_be_made_fails_the_follow_up_which_a_retry_can_mend():
    template = raw({"path": "{{output.missing}}"})

    async def main(shop):
        first = await shop.begin(
            (branch("success", "publish", input=template, then=(branch("failure", "alarm"),)),)
        )
        await shop.ended(first)

        second = await shop.followed(first)

        assert (second.status, second.error.type) == (Status.FAILED, "invalid_input")
        assert "there is no 'missing'" in second.error.message
        assert out(await shop.followed(second.id, "failure")).startswith(
            "publish failed: its input cannot be made"
        )
        await shop.command(second.id, lambda s, m: commands.retry(s, m, input=raw({"path": "x"})))
        mended = await shop.until(second.id, lambda s: s.status is Status.COMPLETED)
        assert out(mended) == "plain x 1"

    played(main)


def test_what_a_policy_denies_begins_and_fails_at_once():
    async def deny(first):
        return (
            ev.Failure(type="policy_denied", message=f"no {first.task}") if first.task == "publish" else None
        )

    async def main(shop):
        keeper = shop.bus.keeper
        shop.bus.triggers = TriggerKeeper(
            keeper.events, keeper.objects, keeper.moment, keeper.run, permit=deny
        )
        first = await shop.begin(EACH)
        await shop.ended(first)

        second = await shop.followed(first)

        assert (second.status, second.reason, second.error.message) == (
            Status.FAILED, "policy_denied", "no publish",
        )  # fmt: skip
        assert json.loads(bytes(second.input)) == {"path": "a"}
        assert await shop.types(second.id) == ["submitted", "failed"]
        assert out(await shop.followed(first, "any")) == "tidy"

    played(main)


def test_handed_over_twice_and_by_two_keepers_it_follows_once():
    async def main(shop):
        first = await shop.begin(EACH)
        await shop.ended(first)
        end = (await shop.log(first)).stored[-1]
        for _ in range(3):
            shop.bus.pull_triggers(end)
        await shop.followed(first)
        shop.bus.pull_triggers(end)
        await asyncio.sleep(5)
        started = [ev.decode(one.data) for one in shop.bus.events.raws if b'"submitted"' in one.data]
        assert sorted(one.task for one in started) == ["build", "publish", "tidy"]

    played(main)
