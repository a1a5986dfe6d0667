-- The links of a workspace that are due for a refresh, without those of others.
create index links_refresh_of on links (workspace_id, refresh_at, id) where refresh_at is not null;
