-- Which migrations this database has.

-- name: lock
-- Whoever starts first migrates; the others wait, and then find nothing to do.
select pg_advisory_lock(hashtextextended('onward migrations', 0));

-- name: unlock
select pg_advisory_unlock(hashtextextended('onward migrations', 0));

-- name: make_list
create table if not exists schema_migrations (
    version    integer     primary key,
    name       text        not null,
    checksum   text        not null,
    applied_at timestamptz not null
);

-- name: applied
select version, checksum from schema_migrations;

-- name: note
insert into schema_migrations (version, name, checksum, applied_at) values ($1, $2, $3, $4);
