-- The projection: one transaction per batch of events.

-- name: lead
-- One projector at a time; the lock ends with its connection.
select pg_try_advisory_lock(
    hashtextextended('onward projection of ' || $1::text || ' into ' || current_schema(), 0));

-- name: begin_position
-- A new incarnation of a stream is read from its own beginning.
insert into positions (stream, incarnation, sequence, at) values ($1, $2, 0, $3) on conflict do nothing;

-- name: position
select sequence, at from positions where stream = $1 and incarnation = $2;

-- name: move_position
-- No row back: another projector was here, so everything in this transaction is its work already.
update positions set sequence = $4, at = $5
 where stream = $1 and incarnation = $2 and sequence = $3
returning sequence;

-- name: known
-- The fold goes on from these.
select id, sequence, base_sequence, state, retention, month from executions where id = any($1::uuid[]);

-- name: insert_events
-- A conflict is an event seen before.
insert into events (execution_id, n, project, sequence, type, at, body, retention, month)
select *, $8::text, $9::date from unnest(
    $1::uuid[], $2::text::integer[], $3::text[], $4::text::bigint[], $5::text[], $6::timestamptz[], $7::bytea[])
on conflict (execution_id, n, retention, month) do nothing;

-- name: file_events
-- They came before anything told their class.
update events set retention = $2 where execution_id = any($1::uuid[]) and retention <> $2;

-- name: make_place
select make_place($1, $2);

-- name: leave_place
-- An execution lies in one place: it leaves the old one in the transaction that puts it into the new one.
delete from executions where retention = $1 and month = $2 and id = any($3::uuid[]);

-- name: seen
-- Events as they were stored before: another content is another history of the execution, as after a restored stream.
select seen.execution_id, seen.n, seen.body
  from unnest($1::uuid[], $2::integer[]) as came (execution_id, n)
  join events as seen using (execution_id, n);

-- name: stored_events
-- All there is of these executions, to fold them again.
select execution_id, n, sequence, body from events where execution_id = any($1::uuid[]) order by execution_id, n;

-- name: save_executions
-- Guarded by the version: an older fold never replaces a newer one.
insert into executions (
    id, project, version, sequence, base_sequence, status, reason, ready, task, task_id, queue, route, environment,
    priority, labels, source, submitted_by, parent_id, root_id, retried_from, agent_id, team_id, attempt,
    max_attempts, worker_id, error_type, created_at, updated_at, started_at, completed_at, due_at, outcome,
    error_fingerprint, retention, month, state)
select * from unnest(
    $1::uuid[], $2::text[], $3::text::integer[], $4::text::bigint[], $5::text::bigint[], $6::text[], $7::text[],
    $8::text::boolean[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text::smallint[],
    $15::jsonb[], $16::text[], $17::text[], $18::uuid[], $19::uuid[], $20::uuid[], $21::text[], $22::text[],
    $23::text::integer[], $24::text::integer[], $25::text[], $26::text[], $27::timestamptz[], $28::timestamptz[], $29::timestamptz[],
    $30::timestamptz[], $31::timestamptz[], $32::text[], $33::text[], $34::text::text[], $35::text::date[],
    $36::bytea[])
on conflict (id, retention, month) do update set
    version = excluded.version, sequence = excluded.sequence, base_sequence = excluded.base_sequence,
    status = excluded.status, reason = excluded.reason, ready = excluded.ready, queue = excluded.queue,
    route = excluded.route, priority = excluded.priority, labels = excluded.labels, attempt = excluded.attempt,
    max_attempts = excluded.max_attempts, worker_id = excluded.worker_id, error_type = excluded.error_type,
    updated_at = excluded.updated_at, started_at = excluded.started_at, completed_at = excluded.completed_at,
    due_at = excluded.due_at, outcome = excluded.outcome, error_fingerprint = excluded.error_fingerprint,
    state = excluded.state
 where executions.version < excluded.version;

-- name: save_questions
-- Guarded by the version, as executions are.
insert into questions (
    execution_id, n, version, project, task, question_id, status, asked_of, asked_at, remind_at, reminded, body,
    retention, month)
select * from unnest(
    $1::uuid[], $2::integer[], $3::integer[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
    $9::timestamptz[], $10::timestamptz[], $11::integer[], $12::bytea[], $13::text[], $14::date[])
on conflict (execution_id, n, retention, month) do update set
    version = excluded.version, status = excluded.status, remind_at = excluded.remind_at,
    reminded = excluded.reminded, body = excluded.body
 where questions.version < excluded.version;

-- name: save_facets
insert into facets (project, task, queue, environment, agent_id, team_id)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
on conflict do nothing;

-- name: save_kinds
insert into kinds (kind, project, task, queue, environment, agent_id, team_id, version)
select * from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
on conflict (kind) do nothing;

-- name: save_ends
-- A terminal event tells the same whenever it is folded.
insert into ends (execution_id, n, at, kind, outcome, wait_ms, duration_ms, fingerprint, retention, month)
select * from unnest(
    $1::uuid[], $2::text::integer[], $3::timestamptz[], $4::text::bigint[], $5::text[], $6::text::double precision[],
    $7::text::double precision[], $8::text[], $9::text::text[], $10::text::date[])
on conflict (execution_id, n, retention, month) do nothing;

-- name: quarantine
-- The raw message, so that nothing is lost by going on.
insert into event_quarantine (stream, incarnation, sequence, subject, body, why, at)
select $1, $2, bad.sequence, bad.subject, bad.body, bad.why, $7
  from unnest($3::bigint[], $4::text[], $5::bytea[], $6::text[]) as bad (sequence, subject, body, why)
on conflict (stream, incarnation, sequence) do nothing;

-- name: gaps
-- Executions with a missing event.
select execution_id from gaps;

-- name: note_gaps
insert into gaps (execution_id, at) select id, $2 from unnest($1::uuid[]) as id on conflict do nothing;

-- name: close_gaps
delete from gaps where execution_id = any($1::uuid[]);
