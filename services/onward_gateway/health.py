"""/livez, /readyz and /metrics: whether this process lives, whether it is of use, and what it has done."""

from litestar import get

from onward.http.answer import Answer, json_answer, text_answer
from onward.process.health import HealthReport
from onward.process.metrics import CONTENT_TYPE
from onward_gateway.gateway import gateway_of
from onward_gateway.routes import Door, Operation, describe


@get(
    "/livez",
    opt=describe(
        Operation(summary="Whether the process lives", answers={200: HealthReport, 503: HealthReport}),
        public=True,
    ),
)
async def livez(request: Door) -> Answer:
    """503 means: start me again."""
    return _answer(await gateway_of(request).health.live())


@get(
    "/readyz",
    opt=describe(
        Operation(
            summary="Whether the gateway is of use, with reasons",
            answers={200: HealthReport, 503: HealthReport},
        ),
        public=True,
    ),
)
async def readyz(request: Door) -> Answer:
    """503 means: send me nothing now."""
    return _answer(await gateway_of(request).health.ready())


@get(
    "/metrics",
    opt=describe(
        Operation(
            summary="Metrics as Prometheus text; without a key from this machine only",
            answers={200: CONTENT_TYPE},
        ),
        public="loopback",
    ),
)
async def metrics(request: Door) -> Answer:
    """Counters, gauges and histograms of this process."""
    return text_answer(gateway_of(request).metrics.render(), CONTENT_TYPE)


def _answer(report: HealthReport) -> Answer:
    return json_answer(report, 200 if report.ok else 503)
