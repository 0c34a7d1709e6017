-- How long steps took.

-- name: saved
-- Of each life that ended so: after the end before it. Text that Postgres cannot show is left out.
select ended.kind, events.at, told ->> 'name' as step, (told ->> 'duration_ms')::double precision as duration_ms
  from unnest($1::uuid[], $2::integer[], $3::bigint[], $4::timestamptz[]) as ended (execution_id, n, kind, at)
  join events on events.execution_id = ended.execution_id and events.n < ended.n
   and events.type = 'checkpoint_reached'
   and position('\\u0000'::bytea in events.body) = 0 and position('\\ud'::bytea in events.body) = 0
 cross join lateral (select convert_from(events.body, 'UTF8')::json as told) as body
 where events.n > coalesce(
           (select max(before.n) from ends as before
             where before.execution_id = ended.execution_id and before.n < ended.n), 0)
   and told ->> 'kind' = 'step' and told ->> 'duration_ms' is not null
   and (told ->> 'duration_ms')::double precision >= 0;

-- name: known
select step_hours.*
  from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[]) as cell (project, task, step, at)
  join step_hours using (project, task, step, at);

-- name: save
insert into step_hours (project, task, step, at, count, sum, min, max, slots, counts)
select *
  from unnest(
    $1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::bigint[], $6::double precision[],
    $7::double precision[], $8::double precision[], $9::bytea[], $10::bytea[])
on conflict (project, at, task, step) do update set
    count = excluded.count, sum = excluded.sum, min = excluded.min, max = excluded.max, slots = excluded.slots,
    counts = excluded.counts;
