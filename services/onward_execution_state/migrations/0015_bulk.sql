-- Operations on many executions. Not derived from the log, so a rebuild leaves both tables alone.

create table bulk_operations (
    id           uuid        primary key,
    project      text        not null,
    -- The JSON of contract.BulkCommand.
    command      bytea       not null,
    actor        text,
    status       text        not null default 'running',
    total        integer     not null,
    done         integer     not null default 0,
    skipped      integer     not null default 0,
    failed       integer     not null default 0,
    created_at   timestamptz not null,
    completed_at timestamptz,
    -- Which gateway works on it, and until when nobody else does.
    runner       text,
    leased_until timestamptz not null,
    constraint bulk_operations_have_one_of_four_statuses
        check (status in ('running', 'aborting', 'completed', 'aborted')),
    constraint bulk_operations_end_when_their_status_says_so
        check ((completed_at is not null) = (status in ('completed', 'aborted'))),
    constraint bulk_operations_do_no_more_than_there_is check (done + skipped + failed <= total)
);
create index bulk_operations_newest on bulk_operations (project, created_at desc, id desc);
create index bulk_operations_open on bulk_operations (created_at) where completed_at is null;

create table bulk_items (
    operation_id uuid        not null references bulk_operations on delete cascade,
    -- From 1, the oldest execution first.
    place        integer     not null,
    execution_id uuid        not null,
    outcome      text,
    detail       text,
    at           timestamptz,
    primary key (operation_id, place),
    constraint bulk_items_have_one_of_three_outcomes check (outcome in ('done', 'skipped', 'failed')),
    constraint bulk_items_have_a_time_with_their_outcome check ((outcome is null) = (at is null))
);
create index bulk_items_to_do on bulk_items (operation_id, place) where outcome is null;
