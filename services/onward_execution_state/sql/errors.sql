-- Failures by their fingerprint.

-- name: add_hours
insert into error_hours (project, fingerprint, at, kind, count)
select * from unnest($1::text[], $2::text[], $3::timestamptz[], $4::bigint[], $5::bigint[])
on conflict (project, fingerprint, at, kind) do update set count = error_hours.count + excluded.count;

-- name: add_groups
insert into error_groups (project, fingerprint, type, message, first_seen, last_seen, count, execution_id)
select * from unnest(
    $1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::timestamptz[], $7::bigint[], $8::uuid[])
on conflict (project, fingerprint) do update set
    type = case when excluded.last_seen >= error_groups.last_seen then excluded.type else error_groups.type end,
    message =
        case when excluded.last_seen >= error_groups.last_seen then excluded.message else error_groups.message end,
    execution_id = case
        when excluded.last_seen >= error_groups.last_seen then excluded.execution_id else error_groups.execution_id end,
    first_seen = least(error_groups.first_seen, excluded.first_seen),
    last_seen = greatest(error_groups.last_seen, excluded.last_seen),
    count = error_groups.count + excluded.count;

-- name: events
select events.execution_id, events.body
  from unnest($1::uuid[], $2::integer[]) as place (execution_id, n)
  join events using (execution_id, n);

-- name: groups
-- Added up by kind, then by what is shown of kinds, then by group: each step sorts a fraction of what the one before it read.
with of_kinds as materialized (
    select fingerprint, kind, sum(count) as count
      from error_hours
     where project = $1 and at >= $2 and at < $3
     group by fingerprint, kind),
shown as materialized (
    select fingerprint, task, queue, version, sum(of_kinds.count) as count
      from of_kinds
      join kinds using (kind)
     where ($4::text is null or task = $4)
       and ($5::text is null or queue = $5)
       and ($6::text is null or version = $6)
     group by fingerprint, task, queue, version),
recent as (
    select fingerprint, sum(count)::bigint as count, array_agg(distinct task) as tasks,
           array_agg(distinct queue) as queues,
           array_agg(distinct version) filter (where version is not null) as versions
      from shown
     group by fingerprint
     order by sum(count) desc, fingerprint
     limit $7)
select fingerprint, type, message, first_seen, last_seen, error_groups.count as total, execution_id,
       recent.count, tasks, queues, versions
  from recent
  join error_groups using (fingerprint)
 where error_groups.project = $1
 order by recent.count desc, last_seen desc, fingerprint;

-- name: group
select fingerprint, type, message, first_seen, last_seen, error_groups.count as total, execution_id,
       recent.count, tasks, queues, versions
  from error_groups
 cross join (select sum(of_kinds.count)::bigint as count, array_agg(distinct task) as tasks,
                    array_agg(distinct queue) as queues,
                    array_agg(distinct version) filter (where version is not null) as versions
               from (select kind, sum(count) as count
                       from error_hours
                      where project = $1 and fingerprint = $2 and at >= $3 and at < $4
                      group by kind
                     offset 0) as of_kinds
               join kinds using (kind)) as recent
 where project = $1 and fingerprint = $2;

-- name: trend
select to_timestamp(floor(extract(epoch from at) / $5::integer) * $5::integer) as at, sum(count)::bigint as count
  from error_hours
 where project = $1 and fingerprint = $2 and at >= $3 and at < $4
 group by 1;

-- name: standing
select count(*) as count from executions where project = $1 and error_fingerprint = $2;
