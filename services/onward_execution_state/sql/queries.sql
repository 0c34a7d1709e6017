-- Questions: each is planned for its own arguments, so a filter that was left out costs nothing.

-- name: list_executions
-- Newest first; the cursor is the place of the last one shown. $3 repeats what $2 says in words of an index, $4 takes its place.
-- Of what ended ($27), one after the other is looked up: an `exists` would be made a table of all ends of the time first.
select id, created_at, state, because, since
  from executions
  left join (select execution_id, version as seen, because, since from stalls) as stall
    on execution_id = id and retention = 'open' and worker_id is not null and (because = 'slow' or seen = version)
 where project = $1
   and ($2::text[] is null or status = any($2))
   and (not $3::boolean or retention = 'open')
   and ($4::text[] is null or (retention <> 'open' and outcome = any($4)))
   and ($5::text is null or task = $5)
   and ($6::text is null or queue = $6)
   and ($7::text is null or environment = $7)
   and ($8::text is null or agent_id = $8)
   and ($9::text is null or team_id = $9)
   and ($10::text is null or worker_id = $10)
   and ($11::uuid is null or parent_id = $11)
   and ($12::jsonb is null or (labels <> '{}' and labels @> $12))
   and ($13::timestamptz is null or created_at >= $13)
   and ($14::timestamptz is null or created_at < $14)
   and ($15::text is null or strpos(task, $15) > 0 or id between $16::uuid and $17::uuid)
   and ($21::uuid is null or retried_from = $21)
   and ($22::text is null or error_fingerprint = $22)
   and ($23::boolean is null or (execution_id is not null) = $23)
   and ($24::bigint[] is null or facet = any($24))
   and ($25::bigint[] is null or facet = any($25) or id between $16::uuid and $17::uuid)
   and ($26::uuid[] is null or id = any($26))
   and (not $27::boolean or (
        select true
          from ends
         where ends.execution_id = executions.id and ($28::timestamptz is null or at >= $28) and ($29::timestamptz is null or at < $29)
           and ($30::text is null or ends.outcome = $30)
         limit 1))
   and ($31::date is null or month >= $31)
   and ($18::timestamptz is null or (created_at, id) < ($18, $19::uuid))
 order by created_at desc, id desc
 limit $20;

-- name: list_in_facets
-- The same, where the combinations are few: the newest of each are looked up (`limit` in there holds the planner to it),
-- for each outcome that is asked for, so that no plan depends on how many it expects.
select found.*
  from unnest($24::bigint[]) as one (facet)
 cross join unnest(coalesce($4::text[], array[null])) as ended (asked)
 cross join lateral (
    select id, created_at, state, because, since
      from executions
      left join (select execution_id, version as seen, because, since from stalls) as stall
        on execution_id = id and retention = 'open' and worker_id is not null and (because = 'slow' or seen = version)
     where facet = one.facet
       and project = $1
       and ($2::text[] is null or status = any($2))
       and (not $3::boolean or retention = 'open')
       and ($4::text[] is null or (retention <> 'open' and outcome in ('failed', 'cancelled') and outcome = asked))
       and ($5::text is null or task = $5)
       and ($6::text is null or queue = $6)
       and ($7::text is null or environment = $7)
       and ($8::text is null or agent_id = $8)
       and ($9::text is null or team_id = $9)
       and ($10::text is null or worker_id = $10)
       and ($11::uuid is null or parent_id = $11)
       and ($12::jsonb is null or (labels <> '{}' and labels @> $12))
       and ($13::timestamptz is null or created_at >= $13)
       and ($14::timestamptz is null or created_at < $14)
       and ($15::text is null or strpos(task, $15) > 0 or id between $16::uuid and $17::uuid)
       and ($21::uuid is null or retried_from = $21)
       and ($22::text is null or error_fingerprint = $22)
       and ($23::boolean is null or (execution_id is not null) = $23)
       and ($25::bigint[] is null or facet = any($25) or id between $16::uuid and $17::uuid)
       and ($26::uuid[] is null or id = any($26))
       and (not $27::boolean or (
            select true
              from ends
             where ends.execution_id = executions.id and ($28::timestamptz is null or at >= $28) and ($29::timestamptz is null or at < $29)
               and ($30::text is null or ends.outcome = $30)
             limit 1))
       and ($31::date is null or month >= $31)
       and ($18::timestamptz is null or (created_at, id) < ($18, $19::uuid))
     order by created_at desc, id desc
     limit $20) as found
 order by created_at desc, id desc
 limit $20;

-- name: facets
-- The combinations that fit; one more than is of use shows that they are too many.
select facet
  from facets
 where project = $1
   and ($2::text is null or task = $2)
   and ($3::text is null or queue = $3)
   and ($4::text is null or environment = $4)
   and ($5::text is null or agent_id = $5)
   and ($6::text is null or team_id = $6)
   and ($7::text is null or strpos(task, $7) > 0)
 limit $8;

-- name: ended
-- Executions of which a life ended in a time, by what they were then; one more than is of use shows that they are too many.
-- The ends of the time come first: a plan that begins with the kinds would look there once for each.
with lately as materialized (
    select execution_id, kind
      from ends
     where ($1::timestamptz is null or at >= $1) and ($2::timestamptz is null or at < $2) and ($3::text is null or outcome = $3))
select execution_id
  from lately
 where kind in (
    select kind
      from kinds
     where project = $4
       and ($5::text is null or task = $5)
       and ($6::text is null or queue = $6)
       and ($7::text is null or environment = $7)
       and ($8::text is null or agent_id = $8)
       and ($9::text is null or team_id = $9))
 limit $10;

-- name: list_questions
-- Newest first; the cursor is the place of the last one shown. $3 repeats what $2 says in words of an index.
select execution_id, n, asked_at, body
  from questions
 where project = $1
   and ($2::text[] is null or status = any($2))
   and (not $3::boolean or status = 'open')
   and ($4::text is null or asked_of = $4)
   and ($5::uuid is null or execution_id = $5)
   and ($6::text is null or task = $6)
   and ($7::timestamptz is null or (asked_at, execution_id, n) < ($7, $8::uuid, $9::integer))
 order by asked_at desc, execution_id desc, n desc
 limit $10;

-- name: as_of
-- Of the stream's present life.
select sequence, at from positions where stream = $1 and incarnation = $2;

-- name: execution
select state, sequence from executions where project = $1 and id = $2;

-- name: stalled
-- Whether it seems to make no progress.
select because, since
  from stalls
  join executions on id = execution_id and executions.project = $1
 where execution_id = $2 and retention = 'open' and worker_id is not null
   and (because = 'slow' or stalls.version = executions.version);

-- name: events
select n, body from events where project = $1 and execution_id = $2 and n > $3 order by n limit $4;

-- name: ids_with_prefix
-- A uuid sorts as its digits do, so a prefix is a range.
select id from executions where project = $1 and id between $2 and $3 order by id limit $4;

-- name: open_per_route
-- What waits and what runs, where; `oldest` is since when the first of those waits for a worker.
select queue, route,
       count(*) filter (where ready and reason is distinct from 'paused') as waiting,
       count(*) filter (where worker_id is not null) as running,
       min(updated_at) filter (where ready and reason is distinct from 'paused') as oldest
  from executions
 where project = $1 and retention = 'open'
 group by queue, route;

-- name: repairs
select at, kind, project, execution_id, detail from repairs order by at desc, id desc limit $1;

-- name: repairs_by_kind
select kind, count(*) as repaired from repairs group by kind;

-- name: set_aside
select count(*) as events from event_quarantine;

-- name: missing
select count(*) as executions from gaps;
