-- What is old is found without all that stays, and so is what nobody has looked at.
create index loads_to_go on loads (workspace_id, may_go, finished_at)
    where finished_at is not null and (may_go is null or may_go = 1);
