"""Every kind of resource. A new one is one entry here, and its words in `libs/onward/cli/resource/kinds.py`."""

from onward_gateway.resources import environments, queues, saved_views

KINDS = (environments.KIND, queues.KIND, saved_views.KIND)
