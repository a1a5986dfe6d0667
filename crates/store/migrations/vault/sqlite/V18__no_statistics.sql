-- Counts that a command took of an almost empty table led to scans of it when it was full.
-- Without them every plan is the one that was tested, whatever the tables hold.
drop table if exists sqlite_stat1;
drop table if exists sqlite_stat4;
