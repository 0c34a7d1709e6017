-- The history of schedules.

-- name: remember_tick
-- A message that is read a second time changes nothing, a later one about the same tick does.
insert into schedule_ticks as known (project, schedule, uid, tick, cause, outcome, reason, execution_id, by_whom, until,
                                     count, decided_at, sequence)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
on conflict (project, schedule, tick, uid, cause) do update
   set outcome = excluded.outcome, reason = excluded.reason, execution_id = excluded.execution_id,
       by_whom = excluded.by_whom, until = excluded.until, count = excluded.count,
       decided_at = excluded.decided_at, sequence = excluded.sequence
 where excluded.sequence > known.sequence;

-- name: schedule_runs
-- Newest first; what was started is shown as it is now.
select ticks.tick, ticks.cause, ticks.outcome, ticks.reason, ticks.execution_id, ticks.by_whom, ticks.until, ticks.count,
       ticks.decided_at, ticks.uid, executions.status, executions.started_at, executions.completed_at
  from schedule_ticks as ticks
  left join executions on executions.id = ticks.execution_id
 where ticks.project = $1 and ticks.schedule = $2
   and ($3::text[] is null or ticks.outcome = any($3))
   and ($4::timestamptz is null or (ticks.tick, ticks.uid, ticks.cause) < ($4, $5::text, $6::text))
 order by ticks.tick desc, ticks.uid desc, ticks.cause desc
 limit $7;
