-- What a key may do, from where and until when; its password before the last one, while both open it;
-- and when it was last used, to the minute. Keys that were made before may do everything.
alter table api_keys add column scopes text collate "C" not null default 'read write manage';
alter table api_keys add column allow_list text collate "C" not null default '';
alter table api_keys add column expires_at bigint;
alter table api_keys add column old_hash bytea;
alter table api_keys add column old_until bigint;
alter table api_keys add column last_used_at bigint;
create index api_keys_newest on api_keys (workspace_id, created_at desc, id desc);
