-- Filling fresh tables from the log beside those in use, comparing the two, and putting one in the other's place.

-- name: lock
-- One rebuild at a time; the lock ends with its connection.
select pg_try_advisory_lock(hashtextextended('onward rebuild', 0));

-- name: drop_fresh
drop schema if exists onward_fresh cascade;

-- name: make_fresh
create schema onward_fresh;

-- name: lives
-- The lives of streams that were projected. More than one: sequences cannot tell what the present one still holds.
select count(*) as lives from positions where stream = $1;

-- name: places
-- The places there are, by the names of their tables.
select substring(relname from '^events_(\w+)_\d{4}_\d\d$') as retention,
       to_date(right(relname, 7), 'YYYY_MM') as month
  from pg_class
 where relnamespace = 'public'::regnamespace and relispartition and relkind = 'r' and relname like 'events\_%';

-- name: keep_purged
-- History that EVENTS no longer holds is nowhere else. What EVENTS has is there already, and stays as EVENTS has it.
with kept as (
    insert into onward_fresh.events select * from public.events as here
     where sequence < $1
        -- It may lie in another month than it came from, so its key does not tell.
        or ($2::boolean and not exists (select from onward_fresh.events as fresh
                                         where fresh.execution_id = here.execution_id and fresh.n = here.n))
    on conflict do nothing
    returning execution_id)
select distinct execution_id from kept;

-- name: keep_quarantine
insert into onward_fresh.event_quarantine
select * from public.event_quarantine
 where not (stream = $1 and incarnation = $2) or sequence < $3
on conflict do nothing;

-- name: keep_positions
insert into onward_fresh.positions
select * from public.positions where not (stream = $1 and incarnation = $2)
on conflict do nothing;

-- name: begin_with_outlived
-- Sums over what retention has removed: nothing else has them.
with kinds as (insert into onward_fresh.kinds select * from onward_outlived.kinds on conflict do nothing),
     error_groups as (insert into onward_fresh.error_groups select * from onward_outlived.error_groups),
     error_hours as (insert into onward_fresh.error_hours select * from onward_outlived.error_hours),
     step_hours as (insert into onward_fresh.step_hours select * from onward_outlived.step_hours)
insert into onward_fresh.rollups select * from onward_outlived.rollups;

-- name: take_place
-- Locked in the order in which the counting and the projection write, so that none waits for another in a circle. Whoever writes
-- next finds another position than its own, and reads on from there.
lock table
    public.counted, public.events, public.executions, public.questions, public.ends, public.facets, public.kinds,
    public.gaps, public.event_quarantine, public.positions, public.rollups, public.error_hours,
    public.error_groups, public.step_hours
    in access exclusive mode;
drop table
    public.events, public.executions, public.questions, public.ends, public.kinds, public.facets, public.gaps,
    public.event_quarantine, public.positions, public.counted, public.rollups, public.error_hours,
    public.error_groups, public.step_hours;
do $$
declare
    fresh regclass;
begin
    for fresh in
        select c.oid from pg_class c
         where relnamespace = 'onward_fresh'::regnamespace and relkind in ('r', 'p')
           and (relispartition or relname in (
               'events', 'executions', 'questions', 'ends', 'kinds', 'facets', 'gaps', 'event_quarantine', 'positions',
               'counted', 'rollups', 'error_hours', 'error_groups', 'step_hours'))
    loop
        execute format('alter table %s set schema public', fresh);
    end loop;
end
$$;
drop schema onward_fresh cascade;

-- name: differing_executions
-- Rows that no later event explains: both sides have read at least as far as either row says.
select coalesce(here.id, fresh.id) as id, here.version as here, fresh.version as fresh
  from public.executions as here
  full join onward_fresh.executions as fresh on fresh.id = here.id
 where (to_jsonb(here) - '{retention,month}'::text[]) is distinct from (to_jsonb(fresh) - '{retention,month}'::text[])
   and greatest(coalesce(here.sequence, 0), coalesce(fresh.sequence, 0)) <= $1
 order by 1
 limit $2;

-- name: differing_events
select coalesce(here.execution_id, fresh.execution_id) as id, coalesce(here.n, fresh.n) as n,
       here.execution_id is null as missing
  from public.events as here
  full join onward_fresh.events as fresh on fresh.execution_id = here.execution_id and fresh.n = here.n
 where (here.project, here.sequence, here.type, here.at, here.body)
       is distinct from (fresh.project, fresh.sequence, fresh.type, fresh.at, fresh.body)
   and greatest(coalesce(here.sequence, 0), coalesce(fresh.sequence, 0)) <= $1
 order by 1, 2
 limit $2;

-- name: differing_questions
-- Of executions whose rows agree, so that no later event explains it.
select coalesce(here.execution_id, fresh.execution_id) as id,
       coalesce(here.question_id, fresh.question_id) as question_id
  from public.questions as here
  full join onward_fresh.questions as fresh on fresh.execution_id = here.execution_id and fresh.n = here.n
  join public.executions as execution on execution.id = coalesce(here.execution_id, fresh.execution_id)
  join onward_fresh.executions as again on again.id = execution.id and again.version = execution.version
 where (here.version, here.status, here.body) is distinct from (fresh.version, fresh.status, fresh.body)
   and execution.sequence <= $1
 order by 1, 2
 limit $2;

-- name: differing_ends
-- Of executions whose rows agree. Their ids are the order in which they came to be known, and mean nothing here.
select coalesce(here.execution_id, fresh.execution_id) as id, coalesce(here.n, fresh.n) as n
  from (select execution_id, n, at, kind, outcome, wait_ms, duration_ms, fingerprint from public.ends) as here
  full join
       (select execution_id, n, at, kind, outcome, wait_ms, duration_ms, fingerprint from onward_fresh.ends) as fresh
    on fresh.execution_id = here.execution_id and fresh.n = here.n
  join public.executions as execution on execution.id = coalesce(here.execution_id, fresh.execution_id)
  join onward_fresh.executions as again on again.id = execution.id and again.version = execution.version
 where here is distinct from fresh and execution.sequence <= $1
 order by 1, 2
 limit $2;
