-- What was kept long enough leaves: by whole places, after an export where one is configured.

-- Places on their way out. They are no longer part of the tables: `removed_<id>_events` and so on, until they are dropped.
create table removals (
    id          bigint      generated always as identity primary key,
    retention   text        not null,
    month       date        not null,
    state       text        not null default 'detached',
    executions  bigint      not null,
    events      bigint      not null,
    detached_at timestamptz not null,
    -- The folder of the export, where there was one.
    exported_to text,
    dropped_at  timestamptz,
    constraint removals_go_one_way check (state in ('detached', 'counting', 'counted', 'exported', 'dropped'))
);

-- Sums over what was removed, counted by the same code over this schema; a rebuild begins with them. They outlive it all.
create schema if not exists onward_outlived;
create table if not exists onward_outlived.kinds (like kinds including all);
create table if not exists onward_outlived.counted (like counted including all);
create table if not exists onward_outlived.rollups (like rollups including all);
create table if not exists onward_outlived.error_groups (like error_groups including all);
create table if not exists onward_outlived.error_hours (like error_hours including all);
create table if not exists onward_outlived.step_hours (like step_hours including all);

-- Takes one place out of the four tables, without what must stay; its number. All or nothing.
create function detach_place(class text, first date, today date, held uuid[], at timestamptz) returns bigint
language plpgsql as $$
declare
    stays    text;
    of_table text;
    number   bigint;
    suffix   text := '_' || class || to_char(first, '_YYYY_MM');
begin
    -- Nobody writes into it meanwhile; who reads may go on until it is taken out.
    execute format('lock table %I, %I, %I, %I in share row exclusive mode',
                   'events' || suffix, 'executions' || suffix, 'questions' || suffix, 'ends' || suffix);
    perform make_place('hold', first);
    perform make_place(class, today);
    perform make_place(class, (first + interval '1 month')::date);

    update executions set retention = 'hold'
     where retention = class and month = first and id = any(held);

    foreach of_table in array array['events', 'questions', 'ends'] loop
        -- What came a moment late, by another clock, goes with its execution.
        execute format(
            'update %I set month = $2 where retention = $1 and month = $3
                and execution_id in (select id from executions where retention = $1 and month = $2)', of_table)
        using class, first, (first + interval '1 month')::date;
        -- What belongs to an execution that stays goes where that lies, or into this month while it is open.
        execute format(
            'update %I as old
                set retention = case x.retention when ''open'' then old.retention else x.retention end,
                    month = case x.retention when ''open'' then $3 else x.month end
               from executions as x
              where old.retention = $1 and old.month = $2 and x.id = old.execution_id
                and not (x.retention = $1 and x.month = $2)', of_table)
        using class, first, today;
        execute format(
            'update %I set month = $3 where retention = $1 and month = $2
                and execution_id in (select execution_id from gaps)', of_table)
        using class, first, today;
    end loop;

    execute format('insert into removals (retention, month, executions, events, detached_at)
                    select $1, $2, (select count(*) from %I), (select count(*) from %I), $3 returning id',
                   'executions' || suffix, 'events' || suffix)
    into number using class, first, at;
    foreach of_table in array array['events', 'executions', 'questions', 'ends'] loop
        execute format('alter table %I detach partition %I', of_table || '_' || class, of_table || suffix);
        execute format('alter table %I rename to %I', of_table || suffix, format('removed_%s_%s', number, of_table));
    end loop;
    -- A default that the table's sequence gives would keep a rebuild from dropping the table in use.
    execute format('alter table %I alter column id drop default', format('removed_%s_ends', number));
    return number;
end
$$;

-- What was held comes back to its class, and leaves with that.
create function release_held(ids uuid[]) returns void language plpgsql as $$
declare
    one      record;
    of_table text;
begin
    for one in
        select distinct convert_from(state, 'UTF8')::json ->> 'retention' as own, month
          from executions where retention = 'hold' and id = any(ids)
    loop
        perform make_place(coalesce(one.own, 'default'), one.month);
    end loop;
    foreach of_table in array array['events', 'questions', 'ends'] loop
        execute format(
            'update %I as held set retention = coalesce(convert_from(x.state, ''UTF8'')::json ->> ''retention'', ''default'')
               from executions as x
              where held.retention = ''hold'' and held.execution_id = any($1) and x.retention = ''hold''
                and x.id = held.execution_id', of_table)
        using ids;
    end loop;
    update executions set retention = coalesce(convert_from(state, 'UTF8')::json ->> 'retention', 'default')
     where retention = 'hold' and id = any(ids);
end
$$;
