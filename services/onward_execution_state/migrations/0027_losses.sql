-- What was found lost, for people to see (`onward doctor`).

create table losses (
    kind    text        not null,
    -- An execution, or a range of EVENTS.
    about   text        not null,
    at      timestamptz not null,
    -- Null: it concerns all of them.
    project text,
    detail  text        not null,
    primary key (kind, about),
    constraint losses_have_a_kind check (kind in ('log', 'range', 'end'))
);
