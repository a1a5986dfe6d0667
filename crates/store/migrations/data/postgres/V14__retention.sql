-- What is kept for a while only is found by its age; what went is counted. workspace_id 0 is the
-- installation.
create index source_calls_kept on source_calls (workspace_id, created_at) where sealed_payload is not null;
create index attempts_kept on attempts (workspace_id, started_at) where sealed_excerpt is not null;
create index imports_reported on imports (workspace_id, finished_at) where sealed_report is not null;
create index loads_ended on loads (workspace_id, finished_at) where finished_at is not null;
drop index idempotency_keys_oldest;
create index idempotency_keys_oldest on idempotency_keys (workspace_id, created_at);
drop index used_widget_tokens_expired;
create index used_widget_tokens_expired on used_widget_tokens (workspace_id, expires_at);

create table retention_totals (
    workspace_id    bigint not null,
    rule            text collate "C" not null,
    removed         bigint not null,
    last_removed    bigint not null,
    last_removed_at bigint not null,
    primary key (workspace_id, rule)
);

-- Which derivation the look-up values stand on. While they are being rotated, each column has a row
-- that says how far.
create table index_keys (
    id       bigint primary key check (id = 1),
    version  bigint not null,
    rotating bigint not null
);
insert into index_keys (id, version, rotating) values (1, 1, 0);

create table index_rotation (
    step     text collate "C" primary key,
    position bigint not null,
    rotated  bigint not null,
    ended    bigint not null
);
