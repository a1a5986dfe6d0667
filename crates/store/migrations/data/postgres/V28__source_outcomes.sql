-- How the questions of a month ended, and what they cost, without a look at their rows.
drop index source_calls_used;
create index source_calls_used on source_calls (workspace_id, created_at, outcome, cost);
