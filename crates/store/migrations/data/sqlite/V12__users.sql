-- Who signs in to the dashboard. Of an invitation and of a session the hash of its token is kept.
create table users (
    id              integer primary key autoincrement,
    uuid            blob not null unique,
    organization_id integer not null references organizations (id),
    email_index     blob not null unique,
    role            text not null check (role in ('owner', 'developer', 'analyst', 'auditor')),
    password        text,
    language        text check (language in ('es', 'en')),
    created_at      integer not null,
    disabled_at     integer,
    sealed          blob not null
) strict;

-- An invitation of nobody lets its holder make the first user.
create table invitations (
    token_hash blob not null primary key,
    user_id    integer references users (id),
    expires_at integer not null
) strict;
create index invitations_user on invitations (user_id);

create table sessions (
    token_hash blob not null primary key,
    user_id    integer not null references users (id),
    created_at integer not null,
    seen_at    integer not null
) strict;
create index sessions_user on sessions (user_id);
create index sessions_seen on sessions (seen_at);
