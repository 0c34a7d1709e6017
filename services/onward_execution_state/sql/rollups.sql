-- Ends added up.

-- name: position
select upto from counted for update;

-- name: move
insert into counted (upto) values ($1) on conflict (one) do update set upto = excluded.upto;

-- name: uncounted
select id, execution_id, n, at, kind, outcome, wait_ms, duration_ms, fingerprint
  from ends
 where id > $1
 order by id
 limit $2;

-- name: kinds
select kind, project, task, queue, environment, agent_id, team_id, version from kinds where kind = any($1::bigint[]);

-- name: save_margins
insert into kinds (kind, project, task, queue, environment, agent_id, team_id, version, margin)
select * from unnest(
    $1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
on conflict (kind) do nothing;

-- name: known
select rollups.*
  from unnest($1::bigint[], $2::integer[], $3::timestamptz[], $4::text[]) as cell (kind, grain, at, outcome)
  join rollups using (kind, grain, at, outcome);

-- name: save
insert into rollups (
    kind, grain, at, outcome, count, waits, wait_sum, wait_min, wait_max, wait_slots, wait_counts, durations,
    duration_sum, duration_min, duration_max, duration_slots, duration_counts)
select *
  from unnest(
    $1::bigint[], $2::integer[], $3::timestamptz[], $4::text[], $5::bigint[], $6::bigint[], $7::double precision[],
    $8::double precision[], $9::double precision[], $10::bytea[], $11::bytea[], $12::bigint[], $13::double precision[],
    $14::double precision[], $15::double precision[], $16::bytea[], $17::bytea[])
on conflict (kind, grain, at, outcome) do update set
    count = excluded.count, waits = excluded.waits, wait_sum = excluded.wait_sum, wait_min = excluded.wait_min,
    wait_max = excluded.wait_max, wait_slots = excluded.wait_slots, wait_counts = excluded.wait_counts,
    durations = excluded.durations, duration_sum = excluded.duration_sum, duration_min = excluded.duration_min,
    duration_max = excluded.duration_max, duration_slots = excluded.duration_slots,
    duration_counts = excluded.duration_counts;

-- name: prune
-- Hours and days stay.
delete from rollups where grain = 60 and grain = $1 and at < $2;
