-- Jobs are taken in turns between workspaces. 0 is for what an earlier program adds while this one runs
-- beside it: it takes turns as one more workspace.
alter table jobs add column workspace_id integer not null default 0;
update jobs set workspace_id = coalesce(case kind
    when 'sync_link' then (select workspace_id from loads where id = target_id)
    when 'import_file' then (select workspace_id from imports where id = target_id)
    when 'work_cohorts' then target_id end, 0);
create index jobs_turns on jobs (workspace_id, due_at, id);
create index jobs_held on jobs (workspace_id, due_at) where leased = 1;
