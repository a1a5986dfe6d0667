-- Answers kept for clients that repeat a request with its Idempotency-Key. The answer is sealed with
-- the key of the person it is about, or with the workspace's when it is about nobody;
-- it goes with the link it is about.
create table idempotency_keys (
    workspace_id  bigint not null,
    key_index     bytea  not null,
    request_index bytea  not null,
    subject_id    bigint,
    link_id       bigint,
    status        bigint not null,
    sealed_answer bytea  not null,
    created_at    bigint not null,
    primary key (workspace_id, key_index)
);
create index idempotency_keys_oldest on idempotency_keys (created_at);
create index idempotency_keys_link on idempotency_keys (link_id) where link_id is not null;
