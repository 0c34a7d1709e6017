-- The audit: written in the order of its sources, read by people, verified from the first entry on.

-- name: begin
insert into audit_positions (source, n, hash, sequence) values ($1, 0, $2, 0) on conflict do nothing;

-- name: position
select n, hash, sequence from audit_positions where source = $1;

-- name: move
-- Only from where this round has read: another replica may have led meanwhile.
update audit_positions set n = $3, hash = $4, sequence = $5 where source = $1 and sequence = $2 returning n;

-- name: add
insert into audit_entries (source, n, sequence, project, at, actor, action, kind, name, before, after, hash)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: commands
-- The list of types is that of the index; up to where the projection is, so that nothing comes in between later.
select sequence, type, body
  from events
 where sequence > $1 and sequence <= $2
   and type in ('cancel_requested', 'cancelled', 'paused', 'resumed', 'amended', 'moved', 'answered', 'event_received',
                'step_edited', 'retry_requested')
 order by sequence
 limit $3;

-- name: one_hash
select hash from audit_entries where source = $1 and n = $2;

-- name: chain
select source, n, sequence, project, at, actor, action, kind, name, before, after, hash
  from audit_entries
 where source = $1 and n > $2
 order by n
 limit $3;

-- name: list
select source, n, sequence, project, at, actor, action, kind, name, before, after, hash
  from audit_entries
 where project = $1
   and ($2::text is null or source = $2) and ($3::text is null or actor = $3)
   and ($4::text is null or action = $4) and ($5::text is null or kind = $5) and ($6::text is null or name = $6)
   and ($7::timestamptz is null or at >= $7) and ($8::timestamptz is null or at < $8)
   and ($9::timestamptz is null or (at, source, n) < ($9, $10, $11))
 order by at desc, source desc, n desc
 limit $12;
