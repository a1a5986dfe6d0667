-- Widget tokens that have made or updated their link and open nothing more. A token that has
-- expired needs no row.
create table used_widget_tokens (
    workspace_id integer not null,
    jti          blob    not null,
    expires_at   integer not null,
    primary key (workspace_id, jti)
) strict, without rowid;
create index used_widget_tokens_expired on used_widget_tokens (expires_at);
