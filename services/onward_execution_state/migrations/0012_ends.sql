-- What is counted: one row for each end of a life, folded from the same events in the same transaction. Ends from before
-- this table was made come into it with `onward admin rebuild`.

create table ends (
    -- In the order in which they came to be known: who counts goes on from the last one counted.
    id            bigint           generated always as identity,
    execution_id  uuid             not null,
    -- The n of the terminal event.
    n             integer          not null,
    project       text             not null,
    at            timestamptz      not null,
    outcome       text             not null,
    reason        text,
    task          text             not null,
    queue         text             not null,
    environment   text,
    agent_id      text,
    team_id       text,
    version       text,
    wait_ms       double precision,
    duration_ms   double precision,
    fingerprint   text,
    error_type    text,
    error_message text,
    primary key (execution_id, n),
    constraint ends_have_one_of_three_outcomes check (outcome in ('completed', 'failed', 'cancelled')),
    constraint ends_last_no_negative_time check (wait_ms >= 0 and duration_ms >= 0)
);
create index ends_in_order on ends (id);
create index ends_with_an_error on ends (project, fingerprint, at desc) where fingerprint is not null;

-- While an execution stands as failed.
alter table executions add column error_fingerprint text;
create index executions_with_an_error on executions (project, error_fingerprint, created_at desc, id desc)
    where error_fingerprint is not null;

-- Executions that a worker holds and that seem to make no progress. Derived: the loop that fills it finds them again.
create table stalls (
    execution_id uuid        primary key,
    project      text        not null,
    -- The version of the execution that was looked at: one more event, and it is no longer quiet.
    version      integer     not null,
    because      text        not null,
    since        timestamptz not null,
    found_at     timestamptz not null,
    constraint stalls_have_a_cause check (because in ('quiet', 'slow'))
);
create index stalls_of_a_project on stalls (project, since);
