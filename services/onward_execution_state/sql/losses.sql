-- What Postgres has of the log and the log has no more.

-- name: begin
create temporary table seen_in_log (execution_id uuid not null, n integer not null, carried boolean not null);

-- name: end
drop table if exists seen_in_log;

-- name: lost
-- What a `carried` stands for may be gone: the log is told from there. Of earlier lives of the stream only what is open counts.
select here.project, here.execution_id, here.n, here.type
  from events as here
 where ((here.sequence >= $1 and here.at >= $2)
        or ($3 and exists (select from executions as open
                            where open.id = here.execution_id and open.retention = 'open')
            and not exists (select from seen_in_log as seen where seen.execution_id = here.execution_id)))
   and not exists (select from seen_in_log as seen
                    where seen.execution_id = here.execution_id
                      and (seen.n = here.n or (seen.carried and seen.n > here.n)))
 order by here.execution_id, here.n;

-- name: lives
-- Those before this one, which may have no position yet.
select count(*) as lives from positions where stream = $1 and incarnation <> $2;

-- name: note_missed
-- The first to notice knows best when it was.
insert into losses (kind, about, at, detail) values ('range', $1, $2, $3) on conflict do nothing;

-- name: left_behind
-- Open, and with nothing known of since before $1: what is open is carried over a purge, so its log tells more, or its end was purged.
select project, id, route from executions where retention = 'open' and sequence < $1 order by id limit $2;

-- name: forget_found
delete from losses where kind in ('log', 'end');

-- name: note_found
insert into losses (kind, about, at, project, detail)
select $1, one.about, $2, one.project, one.detail
  from unnest($3::text[], $4::text[], $5::text[]) as one (about, project, detail)
on conflict do nothing;

-- name: take_note
-- An operator has seen them.
delete from losses where kind = 'range' returning detail;

-- name: told
-- How many of each kind a project has to know of, and the first of them.
select kind, count(*) as count, min(at) as since,
       (array_agg(about || ': ' || detail order by about))[1:$2] as first
  from losses
 where project = $1 or project is null
 group by kind
 order by kind;
