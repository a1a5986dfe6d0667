-- The jobs of a workspace in the order of their turns, received files apart from the others: whoever looks for the
-- ones goes through none of the others.
create index jobs_apart
    on jobs (case kind when 'import_file' then 1 else 0 end, workspace_id, due_at, id);
