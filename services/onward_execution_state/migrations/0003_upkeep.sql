-- What the maintenance loops did, for people to see.

create table repairs (
    id           bigint generated always as identity primary key,
    at           timestamptz not null,
    kind         text        not null,
    project      text        not null,
    execution_id uuid        not null,
    detail       text        not null,
    constraint repairs_have_a_kind
        check (kind in ('hint_again', 'timer_again', 'owner_lost'))
);
create index repairs_newest on repairs (at desc, id desc);

-- Written, and flushed to disk, before EVENTS is purged: whoever finds a sequence in here knows that it is projected.
create table purges (
    stream      text        not null,
    incarnation text        not null,
    up_to       bigint      not null,
    at          timestamptz not null,
    primary key (stream, incarnation)
);
