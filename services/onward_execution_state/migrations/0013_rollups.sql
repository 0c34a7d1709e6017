-- What is counted, by what, and how far.

-- Ends name a kind in the place of the texts it stands for: they are the rows that come with every execution.
drop table ends;
create table ends (
    -- In the order in which they came to be known: who counts goes on from the last one counted.
    id           bigint           generated always as identity,
    execution_id uuid             not null,
    -- The n of the terminal event.
    n            integer          not null,
    at           timestamptz      not null,
    kind         bigint           not null,
    outcome      text             not null,
    wait_ms      double precision,
    duration_ms  double precision,
    fingerprint  text,
    primary key (execution_id, n)
);
create index ends_in_order on ends (id);

-- What ends are counted by; the number is made of the rest, and the same in every database.
create table kinds (
    kind        bigint primary key,
    project     text   not null,
    task        text   not null,
    queue       text   not null,
    environment text,
    agent_id    text,
    team_id     text,
    version     text
);
create index kinds_of_a_project on kinds (project);
-- Sums of many kinds have one, too: `margin` says by what ('' is everything), and the rest is null.
alter table kinds alter column task drop not null, alter column queue drop not null, add column margin text;

-- How many ends there were in each span of `grain` seconds, and how long they waited and ran. The slots of a sketch, and
-- how many values are in each, are parallel arrays.
create table rollups (
    kind            bigint           not null,
    grain           integer          not null,
    at              timestamptz      not null,
    outcome         text             not null,
    count           bigint           not null,
    waits           bigint           not null,
    wait_sum        double precision not null,
    wait_min        double precision,
    wait_max        double precision,
    wait_slots      smallint[]       not null,
    wait_counts     integer[]        not null,
    durations       bigint           not null,
    duration_sum    double precision not null,
    duration_min    double precision,
    duration_max    double precision,
    duration_slots  smallint[]       not null,
    duration_counts integer[]        not null,
    primary key (kind, grain, at, outcome),
    constraint rollups_are_of_minutes_hours_or_days check (grain in (60, 3600, 86400))
)
with (fillfactor = 75);
create index rollups_to_prune on rollups (at) where grain = 60;

-- Up to which end everything is counted.
create table counted (
    one  boolean primary key default true check (one),
    upto bigint  not null
);

create table error_groups (
    project       text        not null,
    fingerprint   text        not null,
    -- As the newest one tells them.
    type          text        not null,
    message       text        not null,
    first_seen    timestamptz not null,
    last_seen     timestamptz not null,
    count         bigint      not null,
    -- The newest execution that ended so.
    execution_id  uuid        not null,
    primary key (project, fingerprint)
);
create index error_groups_newest on error_groups (project, last_seen desc, fingerprint);

create table error_hours (
    project     text        not null,
    fingerprint text        not null,
    at          timestamptz not null,
    kind        bigint      not null,
    count       bigint      not null,
    primary key (project, fingerprint, at, kind)
);
create index error_hours_by_time on error_hours (project, at);

create table step_hours (
    project text             not null,
    task    text             not null,
    step    text             not null,
    at      timestamptz      not null,
    count   bigint           not null,
    sum     double precision not null,
    min     double precision,
    max     double precision,
    slots   smallint[]       not null,
    counts  integer[]        not null,
    primary key (project, at, task, step)
)
with (fillfactor = 75);
