"""The tasks every Onward worker offers: `shell` and `http`."""

from onward.tasks.registry import Registry
from onward_worker.shipped.http import registry as http
from onward_worker.shipped.shell import registry as shell

registry = Registry("shipped")
registry.merge(shell)
registry.merge(http)
