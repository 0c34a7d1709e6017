-- What belongs to one execution lies by its class of retention, then by month: what is over leaves by whole partitions.
-- Rows that are here already stay: what has ended is of the class `default`, in the month of its last event.

drop index executions_open;

-- Open executions lie together, and move to their class and month with their end.
alter table executions rename to executions_before;
alter table events rename to events_before;
alter table questions rename to questions_before;
alter table ends rename to ends_before;

create table executions (
    like executions_before including generated including constraints,
    retention text not null,
    month     date not null,
    constraint executions_lie_in_one_place primary key (id, retention, month),
    constraint executions_are_filed_by_their_end check ((retention = 'open') = (outcome is null))
) partition by list (retention);
alter table executions alter column facet set statistics 1000;
create table executions_open partition of executions for values in ('open') with (fillfactor = 75);

-- Events, questions and ends lie by the month in which they came to be, until what they belong to ends later than that.
create table events (
    like events_before including constraints,
    retention text not null,
    month     date not null,
    constraint events_lie_in_one_place primary key (execution_id, n, retention, month)
) partition by list (retention);

create table questions (
    like questions_before including constraints,
    retention text not null,
    month     date not null,
    constraint questions_lie_in_one_place primary key (execution_id, n, retention, month)
) partition by list (retention);

create sequence ends_order as bigint;
create table ends (
    like ends_before including constraints,
    retention text not null,
    month     date not null,
    constraint ends_lie_in_one_place primary key (execution_id, n, retention, month)
) partition by list (retention);
alter table ends alter column id set default nextval('ends_order');
alter sequence ends_order owned by ends.id;

do $$
declare
    of_table text;
    class    text;
begin
    foreach of_table in array array['executions', 'events', 'questions', 'ends'] loop
        foreach class in array array['short', 'default', 'long', 'hold'] loop
            execute format('create table %I partition of %I for values in (%L) partition by range (month)',
                           of_table || '_' || class, of_table, class);
        end loop;
    end loop;
end
$$;

-- One place: the four tables of a class and a month. Whoever needs it first makes it; the others wait, and find it.
create function make_place(class text, first date) returns void language plpgsql as $$
declare
    of_table text;
    name     text;
begin
    perform pg_advisory_xact_lock(hashtextextended('onward places of ' || current_schema(), 0));
    foreach of_table in array array['events', 'executions', 'questions', 'ends'] loop
        name := of_table || '_' || class || to_char(first, '_YYYY_MM');
        if to_regclass(name) is null then
            execute format('create table %I partition of %I for values from (%L) to (%L)',
                           name, of_table || '_' || class, first, (first + interval '1 month')::date);
        end if;
    end loop;
end
$$;

-- The old indexes go with the old tables; these take their names after.
do $$
declare
    first date;
begin
    for first in
        select distinct date_trunc('month', updated_at at time zone 'UTC')::date from executions_before
         where outcome is not null
        union
        select distinct date_trunc('month', at at time zone 'UTC')::date from events_before
        union
        select distinct date_trunc('month', asked_at at time zone 'UTC')::date from questions_before
        union
        select distinct date_trunc('month', at at time zone 'UTC')::date from ends_before
        union
        select date_trunc('month', now() at time zone 'UTC')::date
    loop
        perform make_place('default', first);
    end loop;
end
$$;

insert into executions (
    id, project, version, sequence, base_sequence, status, reason, ready, task, task_id, queue, route, environment,
    priority, labels, source, submitted_by, parent_id, root_id, retried_from, agent_id, team_id, attempt,
    max_attempts, worker_id, error_type, created_at, updated_at, started_at, completed_at, due_at, outcome, state,
    error_fingerprint, retention, month)
select id, project, version, sequence, base_sequence, status, reason, ready, task, task_id, queue, route, environment,
       priority, labels, source, submitted_by, parent_id, root_id, retried_from, agent_id, team_id, attempt,
       max_attempts, worker_id, error_type, created_at, updated_at, started_at, completed_at, due_at, outcome, state,
       error_fingerprint, case when outcome is null then 'open' else 'default' end,
       case when outcome is null then date '9999-01-01'
            else date_trunc('month', updated_at at time zone 'UTC')::date end
  from executions_before;
insert into events select *, 'default', date_trunc('month', at at time zone 'UTC')::date from events_before;
insert into questions select *, 'default', date_trunc('month', asked_at at time zone 'UTC')::date from questions_before;
insert into ends select *, 'default', date_trunc('month', at at time zone 'UTC')::date from ends_before;
select setval('ends_order', greatest((select max(id) from ends), 1));

drop table executions_before, events_before, questions_before, ends_before;

create index events_by_time on events using brin (at);
create index events_of_people on events (sequence)
 where type in ('cancel_requested', 'cancelled', 'paused', 'resumed', 'amended', 'moved', 'answered', 'event_received',
                'step_edited', 'retry_requested');
create index questions_newest on questions (project, asked_at desc, execution_id desc, n desc);
create index questions_open on questions (project, asked_at desc, execution_id desc, n desc) where status = 'open';
create index questions_to_remind_of on questions (remind_at) where remind_at is not null;
create index ends_in_order on ends (id);
create index ends_by_time on ends using brin (at) with (pages_per_range = 16);

create index executions_newest on executions (project, created_at desc, id desc);
create index executions_ended_badly on executions (project, outcome, created_at desc, id desc)
    where outcome in ('failed', 'cancelled');
create index executions_of_a_facet on executions (facet, created_at desc, id desc);
create index executions_of_a_facet_ended_badly on executions (facet, outcome, created_at desc, id desc)
    where outcome in ('failed', 'cancelled');
create index executions_of_a_parent on executions (parent_id, created_at desc, id desc) where parent_id is not null;
create index executions_rerun on executions (retried_from, created_at desc, id desc) where retried_from is not null;
create index executions_of_an_agent on executions (project, agent_id, created_at desc, id desc) where agent_id is not null;
create index executions_of_a_team on executions (project, team_id, created_at desc, id desc) where team_id is not null;
create index executions_of_a_worker on executions (worker_id, created_at desc, id desc) where worker_id is not null;
create index executions_with_an_error on executions (project, error_fingerprint, created_at desc, id desc)
    where error_fingerprint is not null;
create index executions_with_labels on executions using gin (labels jsonb_path_ops) where labels <> '{}';
-- Of what is open only; ended ones have no use for them.
create index executions_to_carry on executions_open (base_sequence);
create index executions_open_of_agents on executions_open (project, agent_id) where agent_id is not null;
