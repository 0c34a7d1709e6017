-- Executions of an agent or a team: listed newest first, and those that are open counted.

create index executions_of_an_agent on executions (project, agent_id, created_at desc, id desc) where agent_id is not null;
create index executions_of_a_team on executions (project, team_id, created_at desc, id desc) where team_id is not null;
create index executions_open_of_agents on executions (project, agent_id) where outcome is null and agent_id is not null;
