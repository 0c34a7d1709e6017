-- What was kept long enough leaves.

-- name: places
-- The places there are, by the names of their tables; the oldest first.
select substring(relname from '^executions_(\w+)_\d{4}_\d\d$') as retention,
       to_date(right(relname, 7), 'YYYY_MM') as month
  from pg_class
 where relnamespace = current_schema()::regnamespace and relispartition and relkind = 'r'
   and relname ~ '^executions_\w+_\d{4}_\d\d$'
 order by month, retention;

-- name: make_place
select make_place($1, $2);

-- name: wanted
-- Whether EVENTS still holds what lies there, so that a rebuild would bring it back, or something is not counted yet.
select exists (select 1 from executions where retention = $1 and month = $2 and sequence > $3)
    or exists (select 1 from ends where retention = $1 and month = $2
                and id > coalesce((select upto from counted), 0));

-- name: exclusively
-- Not while a rebuild fills fresh tables from these.
select pg_try_advisory_lock(hashtextextended('onward rebuild', 0));

-- name: let_go
select pg_advisory_unlock(hashtextextended('onward rebuild', 0));

-- name: detach
select detach_place($1, $2, $3, $4::uuid[], $5);

-- name: under_way
select id, retention, month, state, executions, events, detached_at from removals where state <> 'dropped' order by id;

-- name: held_there
-- What was put on hold after it was taken out is not dropped.
select count(*) from {table} where id = any($1::uuid[]);

-- name: to_count
select id, state from removals where state in ('detached', 'counting') order by id;

-- name: begin_counting
delete from onward_outlived.counted;

-- name: look_at
-- What is counted are the ends, and the events beside them, of what was taken out.
create or replace view onward_outlived.{name} as select * from {table};

-- name: look_away
drop view onward_outlived.ends, onward_outlived.events;

-- name: kinds_of
insert into onward_outlived.kinds select * from kinds where kind in (select distinct kind from {table})
on conflict do nothing;

-- name: note_state
update removals set state = $2 where id = $1;

-- name: note_export
update removals set state = 'exported', exported_to = $2 where id = $1;

-- name: note_drop
update removals set state = 'dropped', dropped_at = $2 where id = $1;

-- name: released
-- Held by nobody any more, and not by their class either.
select id from executions
 where retention = 'hold' and not id = any($1::uuid[])
   and coalesce(convert_from(state, 'UTF8')::json ->> 'retention', 'default') <> 'hold';

-- name: release
select release_held($1::uuid[]);

-- name: projects
select distinct project from facets;

-- name: columns
select attname::text, format_type(atttypid, null)
  from pg_attribute
 where attrelid = $1::text::regclass and attnum > 0 and not attisdropped
 order by attnum;
