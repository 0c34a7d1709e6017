-- Executions that seem to make no progress.

-- name: held
-- What workers hold. What is paused waits for a person.
select id, project, task, version, updated_at, coalesce(started_at, created_at) as started_at
  from executions
 where retention = 'open' and worker_id is not null and reason is distinct from 'paused';

-- name: states
select state from executions where id = any($1::uuid[]) and retention = 'open' and worker_id is not null;

-- name: forget_others
delete from stalls where not execution_id = any($1::uuid[]);

-- name: note
insert into stalls (execution_id, project, version, because, since, found_at)
select *, $6::timestamptz from unnest($1::uuid[], $2::text[], $3::integer[], $4::text[], $5::timestamptz[])
on conflict (execution_id) do update set
    version = excluded.version, because = excluded.because, since = excluded.since,
    found_at = case when stalls.because = excluded.because then stalls.found_at else excluded.found_at end;
