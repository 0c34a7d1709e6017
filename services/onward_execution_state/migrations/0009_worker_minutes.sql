-- How much of their slots workers used: slot-milliseconds, added up from the counts in their heartbeats. Heartbeats are
-- stored nowhere, so these rows cannot be made again.

create table worker_minutes (
    project      text        not null,
    minute       timestamptz not null,
    worker_id    text        not null,
    -- Empty: the whole worker. Its slots are there for each of its queues.
    queue        text        not null,
    busy_ms      bigint      not null,
    available_ms bigint      not null,
    primary key (project, minute, worker_id, queue)
);

-- The last counts that went into the minutes, so that each is added once, whichever replica does it.
create table worker_counts (
    worker_id    text        not null primary key,
    at           timestamptz not null,
    available_ms bigint      not null,
    busy         jsonb       not null
);
