-- By how many months a sandbox is ahead of the calendar.
create table sandboxes (
    workspace_id integer primary key references workspaces (id),
    months_ahead integer not null,
    moved_at     integer not null
) strict;
