-- SQLite has read the check of a delivery's state when it opens the table, and keeps it.
select 1;
