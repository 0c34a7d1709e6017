"""PROTOCOL H1, H2, M2, C1 with real leases, real redeliveries and real timers."""

from datetime import timedelta

import msgspec
import pytest

from onward.contract import commands, decide, subjects
from onward.contract import events as ev
from onward.worker.attempt import Ack, attend
from tests.live.bus.making import until
from tests.support.without_postgres import without_postgres


async def asked(shop, worker):
    """What others ask this worker from now on."""
    questions = []

    async def hear(_subject, data):
        questions.append(msgspec.json.decode(data))

    await shop.bus.messages.subscribe(subjects.owner(worker.name), hear)
    return questions


def claims(log):
    return [item.event.work_sequence for item in log.stored if isinstance(item.event, ev.Started)]


# H1: what a hint means


async def test_h1_a_hint_delivered_again_while_its_worker_lives_is_let_go_and_stays(patient_shop):
    shop = patient_shop
    owner = await shop.worker("owner")
    execution_id = await shop.submit("gated")
    held = await shop.until(execution_id, lambda state: state.held)
    questions = await asked(shop, owner)
    rival = await shop.worker("rival")
    rival.gate.set()

    shop.bus.connection.send(held.ack_subject, b"-NAK")
    await until(lambda: questions)
    other = await shop.submit("gated")
    await shop.until(other, lambda state: state.ended)  # by the rival, whose one slot is free again

    await shop.until_hints(1)  # without it, nobody would hear of the execution if its owner died now
    assert questions == [{"execution_id": execution_id}]
    assert await shop.types(execution_id) == ["submitted", "started", "checkpoint_reached"]
    owner.gate.set()
    ended = await shop.until(execution_id, lambda state: state.ended)
    assert (ended.status, ended.attempt, len(claims(await shop.log(execution_id)))) == ("completed", 1, 1)
    await shop.until_hints(0)


async def test_h1_a_dead_worker_s_hint_is_recovered_and_its_work_sequence_never_claimed_again(shop):
    zombie = await shop.worker("zombie")
    execution_id = await shop.submit("gated")
    held = await shop.until(
        execution_id, lambda state: state.held and state.n == 3
    )  # its first step is saved
    zombie.die()

    heir = await shop.worker("heir")
    taken_over = await shop.until(execution_id, lambda state: state.worker_id == "heir")
    zombie.gate.set()
    zombie.revive()
    for late in (b"+ACK", b"-NAK", b"+WPI"):  # of a hint that is gone: they hit nothing
        shop.bus.connection.send(held.ack_subject, late)
    await until(lambda: not zombie.env.holds, timeout=20)

    assert await shop.hints() == 1
    heir.gate.set()
    await shop.until(execution_id, lambda state: state.ended)
    assert taken_over.attempt == 2
    assert len(set(claims(await shop.log(execution_id)))) == 2
    assert await shop.types(execution_id) == [
        "submitted", "started", "checkpoint_reached", "recovered", "started", "checkpoint_reached", "completed",
    ]  # fmt: skip
    assert heir.ran == ["after"]
    await shop.until_hints(0)


async def test_h1_a_hint_older_than_what_made_it_ready_is_not_claimed_from(patient_shop):
    shop = patient_shop
    first, second = await shop.worker("first", start=False), await shop.worker("second", start=False)
    execution_id = await shop.submit("asks")
    [old] = await first.hints.take(1)
    assert isinstance(await attend(old, first.env), Ack)  # it waits for an answer; this ack is late
    await first.hints.give_back(old)
    [again] = await second.hints.take(1)
    assert again.work_sequence == old.work_sequence
    answer = msgspec.Raw(b'"yes"')
    await shop.command(execution_id, lambda state, moment: commands.answer(state, moment, answer, None))
    await shop.until_hints(2)

    met = await attend(again, second.env)

    assert isinstance(met, Ack)
    assert (await shop.types(execution_id))[-1] == "answered"
    await first.hints.ack(old)
    assert await shop.hints() == 1
    await shop.worker("third")
    await shop.until(execution_id, lambda state: state.ended)
    assert claims(await shop.log(execution_id))[0] == old.work_sequence
    assert claims(await shop.log(execution_id))[1] > old.work_sequence


# H2: num_delivered decides nothing; poison is counted in the log


async def test_h2_a_hint_that_was_delivered_often_is_as_good_as_a_fresh_one(patient_shop):
    shop = patient_shop
    execution_id = await shop.submit("gated")
    idle = await shop.worker("idle", start=False)
    for _ in range(9):
        [hint] = await idle.hints.take(1)
        await idle.hints.give_back(hint)
    await idle.hints.close()
    assert int(hint.ack_subject.split(".")[4]) == 9

    worker = await shop.worker("worker")
    worker.gate.set()

    ended = await shop.until(execution_id, lambda state: state.ended)
    assert (ended.status, ended.attempt) == ("completed", 1)


async def test_h2_what_takes_down_every_worker_is_a_poison_and_its_log_says_so(shop):
    execution_id = await shop.submit("deadly")
    for name in ("one", "two", "three", "four"):
        worker = await shop.worker(name)
        await shop.until(execution_id, lambda state, name=name: state.ended or state.worker_id == name)

    ended = await shop.until(execution_id, lambda state: state.ended)

    assert (ended.status, ended.reason, ended.attempt) == ("failed", "poison", decide.POISON_AFTER)
    assert await shop.types(execution_id) == ["submitted", *(["started", "recovered"] * 3), "failed"]
    assert not worker.env.holds
    await shop.until_hints(0)


# M2: a fired timer whose event is still awaited is due


@pytest.mark.parametrize("off", [timedelta(hours=-1), timedelta(hours=1)], ids=["behind", "ahead"])
async def test_m2_torture_11_a_worker_whose_clock_is_an_hour_off_wakes_what_a_timer_fired_for(
    patient_shop, nats_server, off
):
    shop = patient_shop
    async with without_postgres(shop.bus, nats_server):
        first = await shop.worker("first")
        execution_id = await shop.submit("sleeps")
        await shop.until(execution_id, lambda state: state.reason == "sleeping")
        await first.engine.drain(0.0)

        await shop.worker("second", clock_off=off)

        ended = await shop.until(execution_id, lambda state: state.ended)
    assert (ended.status, bytes(ended.output), ended.attempt) == ("completed", b'"woke"', 1)


# C1: a cancel is a wake


async def test_c1_a_dead_owner_s_cancel_is_finished_by_another_worker_which_runs_none_of_its_code(
    patient_shop,
):
    shop = patient_shop
    owner = await shop.worker("owner")
    execution_id = await shop.submit("gated")
    await shop.until(execution_id, lambda state: state.held)
    heir = await shop.worker("heir")
    heir.gate.set()
    owner.die()

    await shop.command(execution_id, lambda state, moment: commands.cancel(state, moment, "enough"))

    ended = await shop.until(
        execution_id, lambda state: state.ended, timeout=5
    )  # the lease runs for a minute
    assert (ended.status, ended.reason) == ("cancelled", "enough")
    assert (await shop.types(execution_id))[-2:] == ["cancel_requested", "cancelled"]
    assert heir.ran == []
