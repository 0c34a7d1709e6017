-- Sketches as bytes: two for each slot, four for how many are in it, most significant first. An array costs as much to
-- read for each number in it as a packed one does as a whole, and a month of a breakdown has a million of them.

create function pack_slots(slots smallint[]) returns bytea language sql immutable as
$$ select coalesce(string_agg(int2send(slot), ''::bytea order by place), ''::bytea) from unnest(slots) with ordinality as s (slot, place) $$;
create function pack_counts(counts integer[]) returns bytea language sql immutable as
$$ select coalesce(string_agg(int4send(number), ''::bytea order by place), ''::bytea) from unnest(counts) with ordinality as c (number, place) $$;

alter table rollups
    alter column wait_slots type bytea using pack_slots(wait_slots),
    alter column wait_counts type bytea using pack_counts(wait_counts),
    alter column duration_slots type bytea using pack_slots(duration_slots),
    alter column duration_counts type bytea using pack_counts(duration_counts);
alter table step_hours
    alter column slots type bytea using pack_slots(slots),
    alter column counts type bytea using pack_counts(counts);

-- What outlives all comes through here again with every rebuild.
do $$
begin
    if exists (select from information_schema.columns
                where table_schema = 'onward_outlived' and table_name = 'rollups' and column_name = 'wait_slots'
                  and data_type = 'ARRAY') then
        alter table onward_outlived.rollups
            alter column wait_slots type bytea using pack_slots(wait_slots),
            alter column wait_counts type bytea using pack_counts(wait_counts),
            alter column duration_slots type bytea using pack_slots(duration_slots),
            alter column duration_counts type bytea using pack_counts(duration_counts);
        alter table onward_outlived.step_hours
            alter column slots type bytea using pack_slots(slots),
            alter column counts type bytea using pack_counts(counts);
    end if;
end
$$;

drop function pack_slots(smallint[]);
drop function pack_counts(integer[]);
