-- What became of each tick of each schedule, from TICKS. A rebuild leaves it as it is: TICKS keeps the newest messages of
-- a schedule only, and what it still has is put in here again by the same loop, changing nothing.

create table schedule_ticks (
    project      text        not null,
    schedule     text        not null,
    -- A schedule that was deleted and made again is another one.
    uid          text        not null,
    tick         timestamptz not null,
    cause        text        not null,
    outcome      text        not null,
    reason       text,
    execution_id uuid,
    by_whom      text,
    -- A row of ticks with one reason: the last of them, and how many.
    until        timestamptz,
    count        integer     not null,
    decided_at   timestamptz not null,
    sequence     bigint      not null,
    primary key (project, schedule, tick, uid, cause),
    constraint schedule_ticks_have_one_of_four_outcomes
        check (outcome in ('fired', 'refused', 'skipped', 'missed')),
    constraint schedule_ticks_have_one_of_four_causes check (cause in ('time', 'catch_up', 'trigger', 'backfill'))
);
