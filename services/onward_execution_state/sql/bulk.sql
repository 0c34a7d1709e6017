-- Operations on many executions: begun once, taken by one gateway at a time, reported item by item.

-- name: begin
-- Nothing where it was begun before.
insert into bulk_operations (id, project, command, actor, total, created_at, leased_until)
values ($1, $2, $3, $4, $5, $6, $6)
on conflict do nothing
returning id;

-- name: add_items
insert into bulk_items (operation_id, place, execution_id)
select $1, place, id from unnest($2::uuid[]) with ordinality as found (id, place);

-- name: end_empty
update bulk_operations set status = 'completed', completed_at = $2 where id = $1 and total = 0;

-- name: forget_old
delete from bulk_operations where completed_at < $1;

-- name: one
select * from bulk_operations where project = $1 and id = $2;

-- name: newest
select * from bulk_operations
 where project = $1 and ($2::timestamptz is null or (created_at, id) < ($2, $3::uuid))
 order by created_at desc, id desc
 limit $4;

-- name: items
select place, execution_id, outcome, detail, at
  from bulk_items
 where operation_id = $1 and place > $2 and ($3::text is null or coalesce(outcome, 'open') = $3)
 order by place
 limit $4;

-- name: abort
update bulk_operations set status = 'aborting' where project = $1 and id = $2 and status = 'running' returning id;

-- name: take
-- The oldest that nobody else works on; who works on one keeps it by coming back in time.
update bulk_operations
   set runner = $1, leased_until = $3
 where id = (select id from bulk_operations
              where completed_at is null and (leased_until <= $2 or runner = $1)
              order by created_at
              limit 1
                for update skip locked)
returning id, project, command, actor, status, total, created_at;

-- name: to_do
select place, execution_id from bulk_items where operation_id = $1 and outcome is null order by place limit $2;

-- name: report
-- An item has one outcome: the first.
with told as (
    update bulk_items
       set outcome = given.outcome, detail = given.detail, at = $5
      from unnest($2::integer[], $3::text[], $4::text[]) as given (place, outcome, detail)
     where operation_id = $1 and bulk_items.place = given.place and bulk_items.outcome is null
    returning given.outcome)
update bulk_operations
   set done = done + (select count(*) from told where outcome = 'done'),
       skipped = skipped + (select count(*) from told where outcome = 'skipped'),
       failed = failed + (select count(*) from told where outcome = 'failed')
 where id = $1;

-- name: end
-- Aborted once nobody is at it, completed once nothing is left.
update bulk_operations
   set status = case when status = 'aborting' then 'aborted' else 'completed' end, completed_at = $2
 where id = $1 and completed_at is null
   and (status = 'aborting'
        or not exists (select from bulk_items where operation_id = $1 and outcome is null));
