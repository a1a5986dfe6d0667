-- The oldest version of this schema whose programs may go on beside it. A migration that does more than add
-- raises it to its own.
create table oldest_program (
    id      integer primary key check (id = 1),
    version integer not null
) strict;
insert into oldest_program (id, version) values (1, 0);

-- The spool that holds a received file, whose processes alone take its job. Null for those from before, which
-- anybody takes.
alter table imports add column spool_id blob;
alter table jobs add column spool_id blob;

-- Whether the lines of a planilla have gone because of their age.
alter table imports add column lines_removed integer not null default 0;
create index imports_kept_lines on imports (workspace_id, period)
    where state = 'accepted' and kind = 'planilla' and lines_removed = 0;
