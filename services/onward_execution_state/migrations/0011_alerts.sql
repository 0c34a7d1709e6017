-- What alert rules found, and what is to be sent because of it. None of this is derived from the log: a rebuild leaves it.

create table alert_rules (
    project text        not null,
    name    text        not null,
    -- When the rule was first seen: what happened before is none of its business.
    since   timestamptz not null,
    primary key (project, name)
);

create table incidents (
    id           uuid             primary key,
    project      text             not null,
    alert        text             not null,
    key          text             not null,
    severity     text             not null,
    opened_at    timestamptz      not null,
    last_seen_at timestamptz      not null,
    resolved_at  timestamptz,
    value        double precision not null,
    count        integer          not null,
    detail       text             not null,
    execution_id text,
    muted        boolean          not null,
    constraint incidents_end_after_they_begin check (resolved_at is null or resolved_at >= opened_at)
);
create unique index incidents_are_open_once on incidents (project, alert, key) where resolved_at is null;
create index incidents_newest on incidents (project, alert, opened_at desc, id desc);

create table deliveries (
    -- Made of what is told and to whom, so that nothing is queued twice; also the webhook-id.
    id           uuid        primary key,
    project      text        not null,
    channel      text        not null,
    type         text        not null,
    body         bytea       not null,
    status       text        not null,
    created_at   timestamptz not null,
    next_at      timestamptz,
    tries        integer     not null,
    delivered_at timestamptz,
    constraint deliveries_have_one_of_four_statuses check (status in ('waiting', 'delivered', 'failed', 'dropped')),
    constraint deliveries_wait_for_a_time check ((next_at is not null) = (status = 'waiting'))
);
create index deliveries_due on deliveries (next_at) where next_at is not null;
create index deliveries_newest on deliveries (project, channel, created_at desc, id desc);

create table delivery_tries (
    delivery_id uuid             not null references deliveries (id) on delete cascade,
    try         integer          not null,
    at          timestamptz      not null,
    -- The HTTP status, or the SMTP code; none where nothing was answered.
    code        integer,
    duration_ms double precision not null,
    -- The first bytes of the answer.
    answer      text,
    error       text,
    primary key (delivery_id, try)
);

create table channel_health (
    project       text        not null,
    channel       text        not null,
    failing_since timestamptz,
    disabled_at   timestamptz,
    why           text,
    primary key (project, channel)
);

-- Up to which event the subscriptions of channels have been looked at.
create table event_subscriptions (
    stream      text        not null,
    incarnation text        not null,
    sequence    bigint      not null,
    primary key (stream, incarnation)
);
