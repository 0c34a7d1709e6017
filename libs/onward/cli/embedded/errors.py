"""What can go wrong between a data directory and the processes on it."""

from onward.contract.errors import Misconfigured, OnwardError


class AlreadyRunning(OnwardError):
    """Another `onward up` holds this data directory."""

    code = "already_running"
    status = 409


class NotRunning(OnwardError):
    """No `onward up` runs on this data directory."""

    code = "not_running"
    status = 409


class StopFailed(OnwardError):
    """A process of `onward up` is still there after every way of stopping it."""

    code = "stop_failed"


class NotOurs(Misconfigured):
    """The directory holds something else than Onward's data, or somebody else's."""

    code = "not_ours"


class StartFailed(OnwardError):
    """`onward up` ended before everything was ready."""

    code = "start_failed"
