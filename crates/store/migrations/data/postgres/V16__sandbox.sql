-- By how many months a sandbox is ahead of the calendar.
create table sandboxes (
    workspace_id bigint primary key references workspaces (id),
    months_ahead bigint not null,
    moved_at     bigint not null
);
