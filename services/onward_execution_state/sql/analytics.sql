-- Answers from what is counted. `$1` the project, then the kinds by which it is asked, then the pieces of time.

-- name: kinds
-- Sums by one margin where that is all that is asked for; else every kind that fits.
select kind, project, task, queue, environment, agent_id, team_id, version
  from kinds
 where project = $1 and margin is not distinct from $2
   and ($3::text is null or task = $3)
   and ($4::text is null or queue = $4)
   and ($5::text is null or environment = $5)
   and ($6::text is null or agent_id = $6)
   and ($7::text is null or team_id = $7);

-- name: sums
-- Looked up piece by piece (`offset 0` holds the planner to it): it cannot know how few rows each of them has. Sketches come
-- one after the other, slots and counts in the same order; who asks adds them up, which is less work than rows of slots.
select piece.span, asked.label, outcome, sum(count)::bigint as count,
       sum(waits)::bigint as waits, sum(wait_sum) as wait_sum, min(wait_min) as wait_min, max(wait_max) as wait_max,
       string_agg(wait_slots, ''::bytea) as wait_slots, string_agg(wait_counts, ''::bytea) as wait_counts,
       sum(durations)::bigint as durations, sum(duration_sum) as duration_sum, min(duration_min) as duration_min,
       max(duration_max) as duration_max, string_agg(duration_slots, ''::bytea) as duration_slots,
       string_agg(duration_counts, ''::bytea) as duration_counts
  from unnest($1::integer[], $2::integer[], $3::timestamptz[], $4::timestamptz[]) as piece (span, grain, since, until)
 cross join unnest($5::bigint[], $6::text[]) as asked (kind, label)
 cross join lateral (select * from rollups
                      where kind = asked.kind and grain = piece.grain and at >= piece.since and at < piece.until
                     offset 0) as rollups
 group by piece.span, asked.label, outcome;

-- name: steps
-- The steps that took most time in sum.
select task, step, sum(count)::bigint as count, sum(sum) as sum, min(min) as min, max(max) as max
  from step_hours
 where project = $1 and at >= $2 and at < $3 and ($4::text is null or task = $4)
 group by task, step
 order by sum(sum) desc, task, step
 limit $5;

-- name: step_sketches
select task, step, string_agg(slots, ''::bytea) as slots, string_agg(counts, ''::bytea) as counts
  from unnest($4::text[], $5::text[]) as shown (task, step)
  join step_hours using (task, step)
 where project = $1 and at >= $2 and at < $3
 group by task, step;

-- name: usual
select kinds.project, kinds.task, string_agg(duration_slots, ''::bytea) as slots,
       string_agg(duration_counts, ''::bytea) as counts
  from kinds
  join rollups on rollups.kind = kinds.kind and grain = 86400 and at >= $1 and outcome = 'completed'
 where kinds.margin = 'task'
 group by kinds.project, kinds.task
having sum(durations) >= $2;

-- name: counted_to
select at from ends where id = (select upto from counted);

-- name: busy
select queue, sum(busy_ms)::bigint as busy_ms
  from worker_minutes
 where project = $1 and minute >= $2 and queue <> ''
 group by queue;

-- name: ended
-- What ended in each queue, and how long it had waited.
select kinds.queue, sum(waits)::bigint as ended, string_agg(wait_slots, ''::bytea) as slots,
       string_agg(wait_counts, ''::bytea) as counts
  from kinds
  join rollups on rollups.kind = kinds.kind and grain = 60 and at >= $2
 where kinds.project = $1 and kinds.margin = 'queue'
 group by kinds.queue;

-- name: projects
select distinct project from facets;
