-- What kind of call a question to a source was, and what it cost in whole pesos.
alter table source_calls add column kind text collate "C" not null default 'individual' check (kind in ('individual', 'bulk'));
alter table source_calls add column cost bigint not null default 0;

-- What a workspace has used in a month, and what a source has cost.
create index source_calls_used on source_calls (workspace_id, created_at);
create index source_calls_spent on source_calls (source, created_at) where cost > 0;
