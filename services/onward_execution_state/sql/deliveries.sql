-- What is to be sent to channels, and each try.

-- name: enqueue
-- What is for a disabled channel is kept for people to see, and not sent.
with closed as (select exists (select 1 from channel_health
                                where project = $2 and channel = $3 and disabled_at is not null) as yes)
insert into deliveries (id, project, channel, type, body, status, created_at, next_at, tries)
select $1::uuid, $2, $3, $4, $5, case when yes then 'dropped' else 'waiting' end, $6::timestamptz, case when yes then null else $6::timestamptz end, 0
  from closed
on conflict do nothing;

-- name: due
-- A few of each channel, the oldest first: one that does not answer holds up no other.
select id::text as id, project, channel, type, body, tries
  from (select *, row_number() over (partition by project, channel order by next_at, id) as place
          from deliveries where next_at <= $1) as waiting
 where place <= $2
 order by next_at limit 200;

-- name: tried
insert into delivery_tries (delivery_id, try, at, code, duration_ms, answer, error)
values ($1::uuid, $2, $3, $4, $5, $6, $7) on conflict do nothing;

-- name: settle
update deliveries set status = $2, next_at = $3, tries = $4, delivered_at = $5 where id = $1::uuid and status = 'waiting';

-- name: drop_waiting
update deliveries set status = 'dropped', next_at = null where project = $1 and channel = $2 and status = 'waiting';

-- name: health
select failing_since, disabled_at, why from channel_health where project = $1 and channel = $2;

-- name: save_health
insert into channel_health (project, channel, failing_since, disabled_at, why) values ($1, $2, $3, $4, $5)
on conflict (project, channel) do update set
    failing_since = excluded.failing_since, disabled_at = excluded.disabled_at, why = excluded.why;

-- name: again
update deliveries set status = 'waiting', next_at = $3, delivered_at = null
 where id = $1::uuid and project = $2 returning id;

-- name: list_incidents
select id::text as id, project, alert, key, severity, opened_at, last_seen_at, resolved_at, value, count, detail, execution_id,
       muted
  from incidents
 where project = $1 and ($2::text is null or alert = $2) and (not $3::boolean or resolved_at is null)
   and ($4::timestamptz is null or (opened_at, id) < ($4, $5::uuid))
 order by opened_at desc, id desc limit $6;

-- name: list_deliveries
select id::text as id, channel, type, status, created_at, next_at, tries, delivered_at
  from deliveries
 where project = $1 and ($2::text is null or channel = $2) and ($3::text is null or status = $3)
   and ($4::timestamptz is null or (created_at, id) < ($4, $5::uuid))
 order by created_at desc, id desc limit $6;

-- name: delivery
select id::text as id, channel, type, status, created_at, next_at, tries, delivered_at, body
  from deliveries where project = $1 and id = $2::uuid;

-- name: tries_of
select try, at, code, duration_ms, answer, error from delivery_tries where delivery_id = $1::uuid order by try;

-- name: healths
select channel, failing_since, disabled_at, why from channel_health where project = $1;

-- name: forget_old
-- What was settled long ago.
delete from deliveries where status <> 'waiting' and created_at < $1;
