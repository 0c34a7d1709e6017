-- Where an execution stands in its class of a queue, and how fast that empties.

-- name: ahead
-- Those that could run and were made so before it, up to a number nobody waits to have counted.
select count(*) as ahead
  from (select 1
          from executions
         where project = $1 and retention = 'open' and route = $2 and ready and reason is distinct from 'paused'
           and sequence < $3 and id <> $4
         limit $5) as before;

-- name: started_lately
-- Of those submitted before it; only the latest are looked at, so that a long history costs nothing.
select count(*) as started, min(started_at) as earliest
  from (select route, started_at
          from executions
         where project = $1 and created_at <= $3
         order by created_at desc, id desc
         limit $5) as latest
 where route = $2 and started_at >= $4;
