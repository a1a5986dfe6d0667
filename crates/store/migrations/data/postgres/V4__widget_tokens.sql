-- Widget tokens that have made or updated their link and open nothing more. A token that has
-- expired needs no row.
create table used_widget_tokens (
    workspace_id bigint  not null,
    jti          uuid    not null,
    expires_at   bigint  not null,
    primary key (workspace_id, jti)
);
create index used_widget_tokens_expired on used_widget_tokens (expires_at);
