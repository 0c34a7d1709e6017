"""What the code that runs here works on. Setting it costs next to nothing; it is read only when something is logged."""

from contextvars import Context, ContextVar, copy_context

execution_id: ContextVar[str | None] = ContextVar("onward_execution_id", default=None)
"""The execution that this is about."""
cause: ContextVar[str | None] = ContextVar("onward_cause", default=None)
"""The W3C traceparent of what caused this; known also where nothing is exported."""


def about(execution: str) -> Context:
    """A copy of this context for a task that works on one execution."""
    context = copy_context()
    context.run(execution_id.set, execution)
    return context
