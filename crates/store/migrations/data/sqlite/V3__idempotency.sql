-- Answers kept for clients that repeat a request with its Idempotency-Key. The answer is sealed with
-- the key of the person it is about, or with the workspace's when it is about nobody;
-- it goes with the link it is about.
create table idempotency_keys (
    workspace_id  integer not null,
    key_index     blob    not null,
    request_index blob    not null,
    subject_id    integer,
    link_id       integer,
    status        integer not null,
    sealed_answer blob    not null,
    created_at    integer not null,
    primary key (workspace_id, key_index)
) strict, without rowid;
create index idempotency_keys_oldest on idempotency_keys (created_at);
create index idempotency_keys_link on idempotency_keys (link_id) where link_id is not null;
