"""Every subject, stream and durable name. Nobody else joins dots."""

import base64

from onward.contract.ids import is_execution_id, shard

EVENTS, WORK, TIMERS, LOGS, CONFIG, LIMITS = (
    "ONWARD_EVENTS",
    "ONWARD_WORK",
    "ONWARD_TIMERS",
    "ONWARD_LOGS",
    "ONWARD_CONFIG",
    "ONWARD_LIMITS",
)

CLASSES = ("high", "normal", "low")
"""Priority classes, in the order a worker looks at them."""


def priority_class(priority: int) -> str:
    """The class of a priority: 1 to 3 is low, 4 to 6 normal, 7 to 9 high."""
    return CLASSES[2 - (priority - 1) // 3]


def route(queue: str, priority: int) -> str:
    """Where an execution waits: `<queue>.<class>`, two tokens of a subject."""
    return f"{queue}.{priority_class(priority)}"


# EVENTS: one log per execution
def fence(project: str, execution_id: str) -> str:
    """The one filter every append to this log carries, byte for byte (PROTOCOL A1)."""
    return f"onward.ev.{project}.{shard(execution_id)}.{execution_id}.>"


def event(project: str, execution_id: str, wake: str | None = None) -> str:
    """The subject of an event; `wake` is the route of one that makes its execution runnable."""
    log = f"onward.ev.{project}.{shard(execution_id)}.{execution_id}"
    return f"{log}.wake.{wake}" if wake else f"{log}.e"


def event_owner(subject: str) -> tuple[str, str]:
    """(project, execution id) of an EVENTS subject, its echo included."""
    tokens = subject.split(".")
    first = tokens.index("ev")
    return tokens[first + 1], tokens[first + 3]


ALL_EVENTS = "onward.ev.>"
WAKE_EVENTS = "onward.ev.*.*.*.wake.*.*"
WAKE_TO_WORK = "onward.work.{{wildcard(1)}}.{{wildcard(4)}}.{{wildcard(5)}}.{{wildcard(3)}}"


# WORK: hints. TIMERS: schedules and what they fire
def hint(project: str, route: str, execution_id: str) -> str:
    """The subject of a hint."""
    return f"onward.work.{project}.{route}.{execution_id}"


def hints(project: str, queue: str, cls: str) -> str:
    """All hints of one queue and class: a consumer's filter."""
    return f"onward.work.{project}.{queue}.{cls}.*"


def consumer(project: str, queue: str, cls: str) -> str:
    """The durable consumer of one queue and class."""
    return f"{project}+{queue}+{cls}"  # a plus stands in no name, so that two queues never share one


ALL_HINTS = "onward.work.>"
FIRST_HINT = "onward.work.first"
"""Nobody's hint, in WORK for ever: with something before the first real one, each is cheap to take."""
ALL_TIMERS = "onward.timer.>"
ALL_DUE = "onward.due.*.*.*.*"
DUE_TO_WORK = "onward.work.{{wildcard(1)}}.{{wildcard(2)}}.{{wildcard(3)}}.{{wildcard(4)}}"


DEADLINES = "_deadlines"
"""The queue of fired deadlines, which no user's queue can be called; its classes are the kinds of limit."""
DEADLINE_KINDS = ("queue", "execution")
ALL_DEADLINES = f"onward.work.*.{DEADLINES}.*.*"


GATE = "_limits"
"""The queue in which executions wait until their limits admit them; no user's queue can be called that."""
ALL_GATED = f"onward.work.*.{GATE}.*.*"


def gate(priority: int) -> str:
    """The route on which an execution waits for its limits."""
    return route(GATE, priority)


# LIMITS: one small log a key
def limit(project: str, limit_id: str) -> str:
    """The state of one key."""
    return f"onward.limit.{project}.{limit_id}"


ALL_LIMITS = "onward.limit.>"


def timer(project: str, execution_id: str, sequence: int, kind: str | None = None) -> str:
    """One schedule; it ends in the sequence of the event that asked for it (PROTOCOL M1).

    `kind` is that of a deadline: an event may ask for one of each kind, besides its due time.
    """
    last = str(sequence) if kind is None else f"{kind}-{sequence}"
    return f"onward.timer.{project}.{shard(execution_id)}.{execution_id}.{last}"


def timers_of(project: str, execution_id: str) -> str:
    """All schedules of one execution, to purge them."""
    return f"onward.timer.{project}.{shard(execution_id)}.{execution_id}.*"


def due(project: str, route: str, execution_id: str) -> str:
    """What a schedule publishes to when it fires; WORK sources it."""
    return f"onward.due.{project}.{route}.{execution_id}"


def hint_of_due(subject: str) -> str:
    """Where WORK stores what a schedule published there (DUE_TO_WORK)."""
    return "onward.work." + subject.removeprefix("onward.due.")


# LOGS and CONFIG
def logs(project: str, execution_id: str) -> str:
    """The log lines of one execution, in chunks."""
    return f"onward.logs.{project}.{execution_id}"


ALL_LOGS = "onward.logs.>"


def config(project: str, kind: str, name: str) -> str:
    """One resource: a task, a queue, a key and so on."""
    return f"onward.cfg.{project}.{kind}.{name}"


ALL_CONFIG = "onward.cfg.>"


# AUDIT: what was refused
AUDIT = "ONWARD_AUDIT"
ALL_AUDIT = "onward.audit.>"


def refusal(project: str) -> str:
    """A request that was refused."""
    return f"onward.audit.{project}.refused"


# TICKS: where each schedule is
TICKS = "ONWARD_TICKS"
ALL_TICKS = "onward.tick.>"


def tick(project: str, schedule: str) -> str:
    """What was decided of the ticks of one schedule."""
    return f"onward.tick.{project}.{schedule}"


def tick_owner(subject: str) -> tuple[str, str]:
    """(project, schedule) of a subject of TICKS."""
    _, _, project, schedule = subject.split(".")
    return project, schedule


# Large values: a bucket of the NATS object store, as every NATS tool reads it
BUCKET = "onward_values"
VALUES = f"OBJ_{BUCKET}"
ALL_CHUNKS = f"$O.{BUCKET}.C.>"
ALL_OBJECTS = f"$O.{BUCKET}.M.>"


def object_name(project: str, execution_id: str, digest: str) -> str:
    """A large value of one execution, by the SHA-256 of its JSON in hexadecimal digits."""
    return f"{project}.{execution_id}.{digest}"


def object_owner(name: str) -> tuple[str, str, str] | None:
    """(project, execution id, digest) of an object's name; None for a name that is none of ours."""
    tokens = name.split(".")
    return (tokens[0], tokens[1], tokens[2]) if len(tokens) == 3 and is_execution_id(tokens[1]) else None


def object_entry(name: str) -> str:
    """What says of an object how long it is, and where its chunks are."""
    return f"$O.{BUCKET}.M.{base64.urlsafe_b64encode(name.encode()).decode()}"


def object_chunks(upload: str) -> str:
    """The chunks of one upload."""
    return f"$O.{BUCKET}.C.{upload}"


# Echoes: what a stream has just stored, once more as a core message (its `republish`)
def echo(subject: str) -> str:
    """The core subject on which a stored message of `subject` is heard at once."""
    return "onward.echo." + subject.removeprefix("onward.")


ECHO_OF_EVENTS = "onward.echo.ev.>"


# Core messages: nothing is stored
def live(project: str, kind: str, queue: str, execution_id: str) -> str:
    """The public announcement of one event."""
    return f"onward.live.{project}.{kind}.{queue}.{execution_id}"


def control(project: str, execution_id: str) -> str:
    """Tells whoever runs this execution to look at its log now."""
    return f"onward.ctl.{project}.{execution_id}"


def owner(worker_id: str) -> str:
    """Asks a worker whether it still runs an execution."""
    return f"onward.own.{worker_id}"


def worker(worker_id: str) -> str:
    """Tells a worker what to do from now on; it answers how it stands then."""
    return f"onward.wrk.{worker_id}"


def heartbeat(project: str, worker_id: str) -> str:
    """A worker's sign of life."""
    return f"onward.beat.{project}.{worker_id}"


ALL_HEARTBEATS = "onward.beat.*.*"


def ask(service: str, query: str) -> str:
    """A request to one of the services."""
    return f"onward.ask.{service}.{query}"
