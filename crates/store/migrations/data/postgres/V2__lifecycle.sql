-- When a link is due for something, and what a workspace has decided for its links.

alter table links add column refresh_at bigint;
alter table links add column refresh_trigger text collate "C" check (refresh_trigger in ('refresh', 'schedule'));
alter table links add column expires_at bigint;
alter table links add column stale_at bigint;
alter table links add column failures bigint not null default 0;

-- Links that were made before: a week after they were last filled, a year after they were made. Those
-- that are overdue at once are spread over a week.
update links set refresh_at = coalesce(last_accessed_at, created_at) + 604800000000
    + (id % 10080) * 60000000, refresh_trigger = 'schedule'
    where access_mode = 'recurrent' and status = 'valid';
update links set expires_at = created_at + 31536000000000 where credentials_storage = '365d';
update links set stale_at = coalesce(last_accessed_at, created_at) + 31536000000000;

create index links_refresh on links (refresh_at) where refresh_at is not null;
create index links_expiry on links (expires_at) where expires_at is not null;
create index links_stale on links (stale_at) where stale_at is not null;

create table workspace_settings (
    workspace_id bigint primary key references workspaces (id),
    document     text collate "C" not null,
    updated_at   bigint not null
);
