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
    workspace_id    integer not null,
    rule            text    not null,
    removed         integer not null,
    last_removed    integer not null,
    last_removed_at integer not null,
    primary key (workspace_id, rule)
) strict, without rowid;

-- Which derivation the look-up values stand on. While they are being rotated, each column has a row
-- that says how far.
create table index_keys (
    id       integer primary key check (id = 1),
    version  integer not null,
    rotating integer not null
) strict;
insert into index_keys (id, version, rotating) values (1, 1, 0);

create table index_rotation (
    step     text    primary key,
    position integer not null,
    rotated  integer not null,
    ended    integer not null
) strict, without rowid;
