-- How busy workers were.

-- name: counted
-- What is in the minutes already.
select worker_id, at, available_ms, busy from worker_counts where worker_id = any($1::text[]);

-- name: add
insert into worker_minutes (project, minute, worker_id, queue, busy_ms, available_ms)
select * from unnest($1::text[], $2::timestamptz[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])
on conflict (project, minute, worker_id, queue) do update set
    busy_ms = worker_minutes.busy_ms + excluded.busy_ms,
    available_ms = worker_minutes.available_ms + excluded.available_ms;

-- name: note_counts
insert into worker_counts (worker_id, at, available_ms, busy)
select * from unnest($1::text[], $2::timestamptz[], $3::bigint[], $4::jsonb[])
on conflict (worker_id) do update set
    at = excluded.at, available_ms = excluded.available_ms, busy = excluded.busy;

-- name: forget
with gone as (delete from worker_counts where at < $1)
delete from worker_minutes where minute < $1;

-- name: utilisation
-- By worker, by queue, or (anything else) all together.
select case $4::text when 'worker' then worker_id when 'queue' then queue else '' end as name,
       sum(busy_ms)::bigint as busy_ms, sum(available_ms)::bigint as available_ms
  from worker_minutes
 where project = $1 and minute >= $2 and minute < $3 and (queue <> '') = ($4::text = 'queue')
 group by 1
 order by 1;
