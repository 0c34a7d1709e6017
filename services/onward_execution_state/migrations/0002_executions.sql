-- One row per execution: what its events fold to.

create table executions (
    id             uuid        primary key,
    project        text        not null,
    version        integer     not null,
    -- The EVENTS sequence of the last event in here.
    sequence       bigint      not null,
    -- Where its log begins: the first event, or the last `carried`. What is purged must end before it while it is open.
    base_sequence  bigint      not null,
    status         text        not null,
    reason         text,
    -- Whether a hint may be claimed now.
    ready          boolean     not null,
    task           text        not null,
    task_id        text,
    queue          text        not null,
    route          text        not null,
    environment    text,
    priority       smallint    not null,
    labels         jsonb       not null,
    source         text        not null,
    submitted_by   text,
    parent_id      uuid,
    root_id        uuid,
    retried_from   uuid,
    agent_id       text,
    team_id        text,
    attempt        integer     not null,
    max_attempts   integer     not null,
    worker_id      text,
    error_type     text,
    created_at     timestamptz not null,
    updated_at     timestamptz not null,
    started_at     timestamptz,
    completed_at   timestamptz,
    due_at         timestamptz,
    -- How it ended; null while it is open. Changes with the end only, so the indexes on it rarely move.
    outcome        text,
    -- The JSON of contract.Execution: what the fold goes on from, and what readers are shown.
    state          bytea       not null,
    constraint executions_have_one_of_five_statuses
        check (status in ('pending', 'running', 'completed', 'failed', 'cancelled')),
    constraint executions_end_when_their_status_says_so
        check ((completed_at is not null) = (status in ('completed', 'failed', 'cancelled'))),
    constraint executions_keep_their_outcome
        check (outcome is not distinct from case when completed_at is null then null else status end),
    constraint executions_that_wait_have_no_worker check (status <> 'pending' or worker_id is null),
    constraint executions_are_ready_while_open check (not ready or outcome is null),
    constraint executions_are_versioned_from_one check (version >= 1 and sequence >= 1 and base_sequence >= 1),
    constraint executions_have_a_priority check (priority between 1 and 9),
    constraint executions_count_attempts check (attempt >= 0 and max_attempts >= 1)
)
-- Room for the next version in the same page: an update that touches no indexed column moves no index entry.
with (fillfactor = 75);

-- Columns of an index change at most once, with the end: a claim or a checkpoint stays cheap.
create index executions_newest on executions (project, created_at desc, id desc);
create index executions_open on executions (project, created_at desc, id desc) where outcome is null;
create index executions_to_carry on executions (base_sequence) where outcome is null;
create index executions_ended_badly on executions (project, outcome, created_at desc, id desc)
    where outcome in ('failed', 'cancelled');
create index executions_of_a_task on executions (project, task, created_at desc, id desc);
create index executions_of_a_parent on executions (parent_id, created_at desc, id desc) where parent_id is not null;
create index executions_with_labels on executions using gin (labels jsonb_path_ops) where labels <> '{}';
