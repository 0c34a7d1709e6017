-- What the maintenance loops ask and write.

-- name: lead
select pg_try_advisory_lock(hashtextextended('onward ' || $1::text, 0));

-- name: to_carry
-- Open executions whose log begins at or before $1: purged to there, it could not be read any more.
select id, project, version, sequence, base_sequence, state
  from executions
 where retention = 'open' and base_sequence <= $1
   -- Of these there is no log to be carried, and they must not take the places of others.
   and not exists (select from losses where kind = 'end' and about = executions.id::text)
 order by base_sequence
 limit $2;

-- name: checkpoints
-- All that tells which checkpoints and which ends of children one execution has, in order.
select n, body from events
 where execution_id = $1 and type in (
   'checkpoint_reached', 'step_edited', 'retry_requested', 'children_done', 'carried')
 order by n;

-- name: purged_to
select up_to from purges where stream = $1 and incarnation = $2;

-- name: note_purge
-- On a durable connection: its commit flushes all that the projection committed before, without waiting for the disk.
insert into purges (stream, incarnation, up_to, at) values ($1, $2, $3, $4)
on conflict (stream, incarnation) do update set up_to = excluded.up_to, at = excluded.at
 where purges.up_to < excluded.up_to;

-- name: unmoved
-- Open executions that nothing has happened to for a while, in order of their id; what is paused needs nothing.
select id, project, version, ready, worker_id, due_at, route,
       -- Most have no deadline; of those that have one, the state knows it.
       case when worker_id is null and position('"deadlines":{"'::bytea in state) > 0
            then state end as limited
  from executions
 where retention = 'open' and updated_at < $1 and id > $2 and reason is distinct from 'paused'
 order by id
 limit $3;

-- name: note_repair
insert into repairs (at, kind, project, execution_id, detail) values ($1, $2, $3, $4, $5);

-- name: refers_to
-- Whether any event of this execution holds this text; one in quarantine may be anybody's.
select exists (select 1 from events where execution_id = $1 and position($2::bytea in body) > 0)
    or exists (select 1 from event_quarantine where position($2::bytea in body) > 0);

-- name: to_remind_of
-- Open questions whose next reminder is due, the one that is due longest first.
select execution_id, n, project, question_id, reminded
  from questions
 where remind_at <= $1
 order by remind_at
 limit $2;
