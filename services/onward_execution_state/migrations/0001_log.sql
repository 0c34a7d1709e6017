-- What came out of EVENTS, as it came, and how far we have read.

create table events (
    execution_id uuid        not null,
    n            integer     not null,
    project      text        not null,
    sequence     bigint      not null,
    type         text        not null,
    at           timestamptz not null,
    -- The JSON of the event, byte for byte: bytea refuses nothing that a log may hold.
    body         bytea       not null,
    primary key (execution_id, n),
    constraint events_are_counted_from_one check (n >= 1),
    constraint events_have_a_place_in_the_stream check (sequence >= 1)
);
-- Events come almost in order of time, so a few pages of index serve every question about a period.
create index events_by_time on events using brin (at);

create table positions (
    stream      text        not null,
    incarnation text        not null,
    sequence    bigint      not null,
    at          timestamptz not null,
    primary key (stream, incarnation),
    constraint positions_are_not_negative check (sequence >= 0)
);

create table event_quarantine (
    stream       text        not null,
    incarnation  text        not null,
    sequence     bigint      not null,
    subject      text        not null,
    body         bytea       not null,
    why          text        not null,
    at           timestamptz not null,
    primary key (stream, incarnation, sequence)
);

-- Executions of which a later event came before an earlier one: folded again from `events` with each that comes.
create table gaps (
    execution_id uuid        primary key,
    at           timestamptz not null
);
