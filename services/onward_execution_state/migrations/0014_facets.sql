-- A list that is narrowed down by task, queue, environment, agent or team, or by any of them together, finds the few
-- executions that fit without reading all the others: every combination that occurs has a number, and one index on it
-- takes the place of an index on each.

alter table executions add column facet bigint generated always as (
    hashtextextended(
        project || E'\x1f' || task || E'\x1f' || queue || E'\x1f' || coalesce(environment, E'\x1e') || E'\x1f'
            || coalesce(agent_id, E'\x1e') || E'\x1f' || coalesce(team_id, E'\x1e'), 0)) stored;
alter table executions alter column facet set statistics 1000;

create table facets (
    facet       bigint generated always as (
        hashtextextended(
            project || E'\x1f' || task || E'\x1f' || queue || E'\x1f' || coalesce(environment, E'\x1e') || E'\x1f'
                || coalesce(agent_id, E'\x1e') || E'\x1f' || coalesce(team_id, E'\x1e'), 0)) stored primary key,
    project     text not null,
    task        text not null,
    queue       text not null,
    environment text,
    agent_id    text,
    team_id     text
);
create index facets_of_a_project on facets (project, task);
insert into facets (project, task, queue, environment, agent_id, team_id)
select distinct project, task, queue, environment, agent_id, team_id from executions;

create index executions_of_a_facet on executions (facet, created_at desc, id desc);
drop index executions_of_a_task;

-- A worker has an id of its own each time it starts: what one of them ran is soon far behind.
create index executions_of_a_worker on executions (worker_id, created_at desc, id desc) where worker_id is not null;
