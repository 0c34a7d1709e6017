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
        or ($3 and here.retention = 'open'
            and not exists (select from seen_in_log as seen where seen.execution_id = here.execution_id)))
   and not exists (select from seen_in_log as seen
                    where seen.execution_id = here.execution_id
                      and (seen.n = here.n or (seen.carried and seen.n > here.n)))
 order by here.execution_id, here.n;

-- name: lives
select count(*) as lives from positions where stream = $1;
