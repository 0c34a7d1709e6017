"""Speaks to a gateway over plain HTTP: `Client(url, api_key)`, or `connect()` with what `onward up` left behind."""

from onward.client.client import Client, connect
from onward.client.problem import ApiProblem, OutcomeUnknown, Unreachable

__all__ = ["ApiProblem", "Client", "OutcomeUnknown", "Unreachable", "connect"]
