"""What the projection's tables hold, as a value to compare."""

import hashlib

# `at` of positions and quarantine is when we looked, not what happened.
CONTENTS = {
    "executions": "select * from executions order by id",
    "questions": "select * from questions order by execution_id, n",
    # Their ids are the order in which they came.
    "ends": "select execution_id, n, at, kind, outcome, wait_ms, duration_ms, fingerprint from ends"
    " order by execution_id, n",
    "facets": "select * from facets order by facet",
    "kinds": "select * from kinds where margin is null order by kind",
    "events": "select execution_id, n, project, type, at, body, sequence from events order by execution_id, n",
    "event_quarantine": "select sequence, body, why from event_quarantine order by sequence",
    "gaps": "select execution_id from gaps order by 1",
}


async def contents(database, *tables):
    """The rows of these tables, or all of the projection's."""
    return {
        table: [tuple(row.values()) for row in await database.ask(CONTENTS[table])]
        for table in tables or CONTENTS
    }


async def digest(database):
    """One value that differs when any row does."""
    return hashlib.sha256(repr(await contents(database)).encode()).hexdigest()
