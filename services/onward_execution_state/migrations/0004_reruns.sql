-- Which executions were begun anew from another one.

create index executions_rerun on executions (retried_from, created_at desc, id desc) where retried_from is not null;
