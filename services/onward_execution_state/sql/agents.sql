-- Questions about agents.

-- name: open_of_agents
-- How many of each agent's executions have not ended.
select agent_id, count(*) as open
  from executions
 where project = $1 and retention = 'open' and agent_id is not null
 group by agent_id;
