-- Who has opened the consent page with a token. The address has the uuid, the cookie a secret of which
-- the hash is kept. What is sealed: what the token says, what was typed, how it ended.
create table connect_sessions (
    uuid         uuid    not null primary key,
    token_hash   bytea   not null,
    workspace_id bigint  not null,
    jti          uuid    not null,
    state        text    not null check (state in ('open', 'asking', 'done', 'left')),
    attempts     bigint  not null,
    created_at   bigint  not null,
    changed_at   bigint  not null,
    sealed       bytea   not null
);
create index connect_sessions_oldest on connect_sessions (workspace_id, created_at);
create index connect_sessions_token on connect_sessions (workspace_id, jti);
