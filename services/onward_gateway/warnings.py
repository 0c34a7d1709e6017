"""What who submits should know of the place that an execution comes to: it waits, and nothing else is wrong."""

from collections.abc import Iterator

from onward.contract.events import Submitted
from onward.contract.places import QueueSpec
from onward_gateway.gateway import Gateway

NO_WORKER = "no_worker"
QUEUE_PAUSED = "queue_paused"
OTHER_ENVIRONMENT = "other_environment"
NO_WORKER_IN_ENVIRONMENT = "no_worker_in_environment"


def warnings(gateway: Gateway, submitted: Submitted) -> Iterator[str]:
    """The codes of what keeps it waiting, or may surprise; in the usual case two look-ups and none."""
    project, queue, environment = submitted.project, submitted.queue, submitted.environment
    listens = gateway.presence.listens(project, queue, submitted.task)
    if not listens:
        yield NO_WORKER
    spec = gateway.known.specs.get(project, QueueSpec, queue)
    if spec is not None and spec.paused:
        yield QUEUE_PAUSED
    if environment is None:
        return
    inside = spec is not None and spec.environment == environment
    if spec is not None and spec.environment is not None and not inside:
        yield OTHER_ENVIRONMENT
    if not (inside and listens) and not attached(gateway, project, environment):
        yield NO_WORKER_IN_ENVIRONMENT


def attached(gateway: Gateway, project: str, environment: str) -> list[str]:
    """The workers that take from some queue of an environment, by id."""
    queues = set(queues_of(gateway, project, environment))
    return sorted(beat.worker_id for beat in gateway.presence.workers(project) if queues & set(beat.queues))


def queues_of(gateway: Gateway, project: str, environment: str) -> list[str]:
    """The queues that are in an environment."""
    specs = gateway.known.specs.all(project, QueueSpec).values()
    return sorted(spec.name for spec in specs if spec.environment == environment)
