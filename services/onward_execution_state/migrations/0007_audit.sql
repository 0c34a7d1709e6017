-- Who did, or was refused, what. Three chains, each in the order of its stream; nothing here is ever changed or dropped.

create table audit_entries (
    source   text        not null,
    n        bigint      not null,
    sequence bigint      not null,
    project  text        not null,
    at       timestamptz not null,
    actor    text,
    action   text        not null,
    kind     text        not null,
    name     text        not null,
    -- JSON as text: it is hashed as it stands.
    before   text,
    after    text,
    hash     text        not null,
    primary key (source, n)
);
create index audit_entries_by_time on audit_entries (project, at desc, source desc, n desc);

create table audit_positions (
    source   text   primary key,
    n        bigint not null,
    hash     text   not null,
    -- How far the source is read: entries are rarer than messages.
    sequence bigint not null
);

create index events_of_people on events (sequence)
 where type in ('cancel_requested', 'cancelled', 'paused', 'resumed', 'amended', 'moved', 'answered', 'event_received',
                'step_edited', 'retry_requested');
