-- Forms of a session that were sent and have done their work: sent again they do nothing.
create table sent_forms (
    session_hash bytea not null references sessions (token_hash) on delete cascade,
    form_hash    bytea not null,
    primary key (session_hash, form_hash)
);
