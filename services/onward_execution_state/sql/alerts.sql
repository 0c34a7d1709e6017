-- What alert rules look at, and the incidents they open.
-- The conditions share their first parameters: project, from when on, task, queue, agent, labels, what has an incident of its own.
-- The ends of the window come first, by their time: a plan that begins with the kinds would look there once for each.

-- name: execution_failed
with lately as materialized (select * from ends where at > $2)
select case $7 when 'task' then k.task when 'queue' then k.queue when 'execution' then e.execution_id::text
               when 'fingerprint' then coalesce(e.fingerprint, k.task) else '' end as key,
       count(*)::integer as count, count(*)::double precision as value,
       (array_agg(e.execution_id::text order by e.at desc))[1] as execution_id,
       (array_agg(k.task order by e.at desc))[1] as what
  from lately e join kinds k on k.kind = e.kind
 where k.project = $1 and e.outcome = 'failed'
   and ($3::text is null or k.task = $3) and ($4::text is null or k.queue = $4)
   and ($5::text is null or k.agent_id = $5)
   and ($6::jsonb is null or exists (select 1 from executions x where x.id = e.execution_id and x.labels @> $6))
   and ($8::text is null or e.fingerprint = $8)
 group by 1 order by 1 limit 1000;

-- name: last_failures
select id::text as id, state from executions where id = any($1::uuid[]);

-- name: failure_rate
with lately as materialized (select * from ends where at > $2)
select case $7 when 'task' then k.task when 'queue' then k.queue else '' end as key,
       count(*)::integer as count, avg((e.outcome = 'failed')::integer)::double precision as value,
       (array_agg(e.execution_id::text order by e.at desc) filter (where e.outcome = 'failed'))[1] as execution_id,
       count(*) filter (where e.outcome = 'failed') as what
  from lately e join kinds k on k.kind = e.kind
 where k.project = $1 and e.outcome in ('completed', 'failed')
   and ($3::text is null or k.task = $3) and ($4::text is null or k.queue = $4)
   and ($5::text is null or k.agent_id = $5)
   and ($6::jsonb is null or exists (select 1 from executions x where x.id = e.execution_id and x.labels @> $6))
 group by 1 order by 1 limit 1000;

-- name: oldest_waiting
-- What may start now and has not: the age of the oldest, by queue.
select case $7 when 'queue' then x.queue else '' end as key, count(*)::integer as count,
       extract(epoch from $2 - min(coalesce(x.due_at, x.updated_at)))::double precision as value,
       (array_agg(x.id::text order by coalesce(x.due_at, x.updated_at)))[1] as execution_id,
       (array_agg(x.queue order by coalesce(x.due_at, x.updated_at)))[1] as what
  from executions x
 where x.project = $1 and x.retention = 'open' and x.ready and x.worker_id is null
   and ($3::text is null or x.task = $3) and ($4::text is null or x.queue = $4)
   and ($5::text is null or x.agent_id = $5) and ($6::jsonb is null or x.labels @> $6)
 group by 1 order by 1 limit 1000;

-- name: waited
-- What 95 of 100 waited of those that ended lately.
with lately as materialized (select * from ends where at > $2)
select case $7 when 'queue' then k.queue else '' end as key, count(*)::integer as count,
       percentile_cont(0.95) within group (order by e.wait_ms) / 1000 as value,
       (array_agg(e.execution_id::text order by e.wait_ms desc nulls last))[1] as execution_id,
       min(k.queue) as what
  from lately e join kinds k on k.kind = e.kind
 where k.project = $1 and e.wait_ms is not null
   and ($3::text is null or k.task = $3) and ($4::text is null or k.queue = $4)
   and ($5::text is null or k.agent_id = $5)
   and ($6::jsonb is null or exists (select 1 from executions x where x.id = e.execution_id and x.labels @> $6))
 group by 1 order by 1 limit 1000;

-- name: stalled
select case $7 when 'task' then x.task when 'queue' then x.queue when 'execution' then x.id::text else '' end as key,
       count(*)::integer as count, count(*)::double precision as value,
       (array_agg(x.id::text order by s.since))[1] as execution_id,
       (array_agg(x.task || ' is ' || s.because order by s.since))[1] as what
  from stalls s join executions x on x.id = s.execution_id
 where s.project = $1 and s.since <= $2
   and ($3::text is null or x.task = $3) and ($4::text is null or x.queue = $4)
   and ($5::text is null or x.agent_id = $5) and ($6::jsonb is null or x.labels @> $6)
 group by 1 order by 1 limit 1000;

-- name: question_waiting
select case $7 when 'task' then q.task when 'execution' then q.execution_id::text else '' end as key,
       count(*)::integer as count, extract(epoch from $2 - min(q.asked_at))::double precision as value,
       (array_agg(q.execution_id::text order by q.asked_at))[1] as execution_id,
       (array_agg(q.task || ' asks ' || coalesce(q.asked_of, 'somebody') order by q.asked_at))[1] as what
  from questions q join executions x on x.id = q.execution_id
 where q.project = $1 and q.status = 'open'
   and ($3::text is null or x.task = $3) and ($4::text is null or x.queue = $4)
   and ($5::text is null or x.agent_id = $5) and ($6::jsonb is null or x.labels @> $6)
 group by 1 order by 1 limit 1000;

-- name: schedule_missed
select case $3 when 'schedule' then schedule else '' end as key, sum(count)::integer as count,
       sum(count)::double precision as value, null as execution_id, min(schedule) as what
  from schedule_ticks
 where project = $1 and decided_at > $2 and outcome in ('missed', 'refused') and ($4::text is null or schedule = $4)
 group by 1 order by 1 limit 1000;

-- name: rules
select project, name, since from alert_rules;

-- name: note_rule
insert into alert_rules (project, name, since) values ($1, $2, $3) on conflict do nothing;

-- name: forget_rule
delete from alert_rules where project = $1 and name = $2;

-- name: open_incidents
select * from incidents where resolved_at is null;

-- name: save_incident
insert into incidents (id, project, alert, key, severity, opened_at, last_seen_at, resolved_at, value, count, detail,
                       execution_id, muted)
values ($1::uuid, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
on conflict (id) do update set last_seen_at = excluded.last_seen_at, resolved_at = excluded.resolved_at,
    value = excluded.value, count = excluded.count, detail = excluded.detail;

-- name: position
select sequence from positions where stream = $1 and incarnation = $2;

-- name: subscribed_to
select sequence from event_subscriptions where stream = $1 and incarnation = $2;

-- name: subscribe_to
insert into event_subscriptions (stream, incarnation, sequence) values ($1, $2, $3)
on conflict (stream, incarnation) do update set sequence = greatest(event_subscriptions.sequence, excluded.sequence);

-- name: of_executions
select id::text as id, task, queue, agent_id, team_id, labels, status, reason from executions where id = any($1::uuid[]);
