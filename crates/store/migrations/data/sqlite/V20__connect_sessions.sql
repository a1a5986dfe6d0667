-- Who has opened the consent page with a token. The address has the uuid, the cookie a secret of which
-- the hash is kept. What is sealed: what the token says, what was typed, how it ended.
create table connect_sessions (
    uuid         blob    not null primary key,
    token_hash   blob    not null,
    workspace_id integer not null,
    jti          blob    not null,
    state        text    not null check (state in ('open', 'asking', 'done', 'left')),
    attempts     integer not null,
    created_at   integer not null,
    changed_at   integer not null,
    sealed       blob    not null
) strict, without rowid;
create index connect_sessions_oldest on connect_sessions (workspace_id, created_at);
create index connect_sessions_token on connect_sessions (workspace_id, jti);
