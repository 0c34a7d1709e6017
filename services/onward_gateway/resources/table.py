"""Every kind of resource. A new one is one entry here, and its words in `libs/onward/cli/resource/kinds.py`."""

from onward_gateway.resources import (
    agents,
    alerts,
    channels,
    drafts,
    environments,
    limits,
    policies,
    queues,
    quotas,
    retention,
    saved_views,
    schedules,
    teams,
    webhooks,
)

KINDS = (
    alerts.KIND,
    channels.KIND,
    agents.KIND,
    drafts.KIND,
    environments.KIND,
    limits.KIND,
    policies.KIND,
    queues.KIND,
    quotas.KIND,
    retention.TIMES_KIND,
    retention.HOLD_KIND,
    saved_views.KIND,
    schedules.KIND,
    teams.KIND,
    webhooks.KIND,
)
