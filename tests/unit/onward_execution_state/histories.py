"""Logs of made-up executions: legal walks through the lifecycle, by a seed."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import msgspec

from onward.bus.ports import Raw
from onward.contract import commands, decide, ids, subjects
from onward.contract import events as ev
from onward.contract.execution import Execution
from onward.contract.lifecycle import Refused, advance
from onward.contract.retry import Retry

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
QUEUES = ("default", "gpu", "mail")
TASKS = ("shell", "http", "train", "report")
ERROR = ev.Failure(type="ValueError", message="it broke", stack="line 1\nline 2")


class Walk:
    """One execution on its way through events, each decided from the state before."""

    def __init__(self, rng: random.Random, *, project: str = "default", at: datetime = START) -> None:
        self.rng = rng
        self.events: list[ev.AnyEvent] = []
        self.state: Execution | None = None
        self.at = at
        self._project = project
        self._id = ids.new_id(int(at.timestamp() * 1000), rng.randbytes(10))
        self._claims = 0

    @property
    def moment(self) -> decide.Moment:
        return decide.Moment(
            now=self.at,
            new_id=lambda: ids.new_id(int(self.at.timestamp() * 1000), self.rng.randbytes(10)),
            actor="key:test",
        )

    def submit(
        self, *, task: str | None = None, queue: str | None = None, delayed: bool = False, **fields
    ) -> "Walk":
        fields = {
            "input": msgspec.Raw(b'{"n": 1}'),
            "retry": Retry(attempts=3),
            "labels": {"team": self.rng.choice("ab"), "batch": str(self.rng.randrange(3))},
            **fields,
        }
        return self._add(
            decide.submit(
                execution_id=self._id, project=self._project, moment=self.moment,
                queue=queue or self.rng.choice(QUEUES), priority=self.rng.randint(1, 9),
                run_at=self.at + timedelta(hours=1) if delayed else None, task=task or self.rng.choice(TASKS), **fields,
            )
        )  # fmt: skip

    def claim(self, worker: str = "wk-1") -> "Walk":
        state = self._state
        self._claims += 1
        sequence = int(self._id[-6:], 16) * 100 + self._claims
        hint = decide.Hint(
            project=state.project, execution_id=state.id, route=state.route, work_sequence=sequence,
            ack_subject=f"$JS.ACK.ONWARD_WORK.x.1.{sequence}.1.1.0", n=state.n, fired=state.asked_due,
        )  # fmt: skip
        met = decide.meet(state, hint, decide.Owner(worker_id=worker, connection=worker), self.moment)
        assert isinstance(met, decide.Claim | decide.Finish), met
        return self._add(*met.events)

    def step(self, name: str = "one", result: bytes = b'{"ok":true}') -> "Walk":
        state = self._state
        return self._add(
            ev.CheckpointReached(
                **decide.envelope(state, self.moment), attempt=state.attempt, kind="step", name=name,
                result=msgspec.Raw(result), duration_ms=1.5,
            )
        )  # fmt: skip

    def append(
        self, kind: type[ev.Event], *, due: datetime | None = None, wake: bool = False, **fields
    ) -> "Walk":
        state = self._state
        envelope = decide.envelope(state, self.moment, wake=state.route if wake else None)
        return self._add(kind(**{**envelope, "due": due}, **fields))

    def complete(self, output: bytes = b"42") -> "Walk":
        return self.append(ev.Completed, output=msgspec.Raw(output))

    def suspend(self, seconds: float = 60) -> "Walk":
        until = self.at + timedelta(seconds=seconds)
        self.append(ev.Slept, wait=f"sleep-{self._state.n}", until=until)
        return self.append(ev.Suspended, reason="sleeping", due=until)

    def ask(self, seconds: float | None = None, **fields) -> "Walk":
        """Ask, and let go until somebody answers or the time is over."""
        until = None if seconds is None else self.at + timedelta(seconds=seconds)
        fields = {
            "text": "Go\x00 on?",
            "choices": ("yes", "no"),
            "to": "team:ops",
            "remind_every": 60.0,
            **fields,
        }
        self.append(ev.QuestionAsked, wait=f"question-{self._state.n}", until=until, **fields)
        if self.rng.random() < 0.3:
            return self
        return self.append(ev.Suspended, reason="waiting_for_input", due=until)

    def pause(self) -> "Walk":
        return self._add(*commands.pause(self._state, self.moment, None))

    def on(self) -> bool:
        """One random legal thing happens; False where nothing more will."""
        state = self._state
        if state.ended:
            if state.status == "completed" or self.rng.random() < 0.7:
                return False
            self._add(*commands.retry(state, self.moment, fresh=self.rng.random() < 0.5))
        elif state.held:
            self._held_on()
        elif self.rng.random() < 0.08:
            self._add(*commands.cancel(state, self.moment, "no longer\x00needed"))
        elif not state.ready and self._asks() and (not state.asked_due or self.rng.random() < 0.6):
            self._hear_of_a_question()
        elif state.ready or state.asked_due:
            self.claim(f"wk-{self.rng.randrange(4)}")
        else:
            raise AssertionError(f"stuck in {state}")
        return True

    def _held_on(self) -> None:
        state = self._state
        match self.rng.randrange(11):
            case 0 | 1 | 2:
                self.step(f"step-{self.rng.randrange(5)}", b'"%d"' % self.rng.randrange(99))
            case 3:
                self.append(ev.Progressed, fraction=self.rng.random(), message="on the way")
            case 4:
                self.suspend()
            case 5:
                moment, random_ = self.moment, self.rng.random
                self._add(*decide.attempt_ended_badly(state, moment, ERROR, random_))
            case 6:
                self._add(*decide.owner_silent(state, self.moment))
            case 7:
                self.append(ev.Released, wake=True, attempt=state.attempt, worker_id=state.worker_id)
            case 8:
                self.ask(seconds=self.rng.choice((None, 3600.0)))
            case 9:
                timed = [key for key in self._asks() if state.waits[key].until]
                self.append(ev.WaitExpired, wait=timed[0]) if timed else self.step("timed")
            case _:
                self.complete()

    def _asks(self) -> list[str]:
        waits = self._state.waits.items()
        return [key for key, wait in waits if wait.kind == "question" and not wait.done]

    def _hear_of_a_question(self) -> None:
        state, question = self._state, self._asks()[0]
        if state.waits[question].reminded < 2 and self.rng.random() < 0.4:
            self._add(*commands.remind(state, self.moment, question))
        else:
            self._add(*commands.answer(state, self.moment, msgspec.Raw(b'"yes"'), question))

    @property
    def _state(self) -> Execution:
        assert self.state is not None
        return self.state

    def _add(self, *events: ev.AnyEvent) -> "Walk":
        for event in events:
            after = advance(self.state, event)
            assert not isinstance(after, Refused), (after, event)
            self.state = after
            self.events.append(event)
        self.at += timedelta(milliseconds=self.rng.randrange(1, 500))
        return self


def walks(seed: int, count: int, *, longest: int = 25) -> list[Walk]:
    """That many executions of one project, started over some minutes."""
    rng = random.Random(seed)
    made = []
    for place in range(count):
        walk = Walk(rng, at=START + timedelta(seconds=place)).submit(delayed=rng.random() < 0.1)
        while len(walk.events) < longest and walk.on():
            pass
        made.append(walk)
    return made


def interleaved(made: list[Walk], seed: int = 0, first: int = 1) -> list[Raw]:
    """The stream that these executions leave: mixed, each in its own order."""
    rng = random.Random(seed)
    turns = [walk for walk in made for _ in walk.events]
    rng.shuffle(turns)
    left: dict[int, Iterator[ev.AnyEvent]] = {id(walk): iter(walk.events) for walk in made}
    return [stored(next(left[id(walk)]), sequence) for sequence, walk in enumerate(turns, first)]


def stored(event: ev.AnyEvent, sequence: int) -> Raw:
    """The event as EVENTS stores it."""
    subject = subjects.event(event.project, event.execution_id, event.wake)
    return Raw(sequence=sequence, subject=subject, data=ev.encode(event))
