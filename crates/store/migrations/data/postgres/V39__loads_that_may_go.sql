-- Whether an ended load goes once it is old: 1 when it does, 0 for one that says what its link holds. Null for what waits,
-- and for what earlier programs ended, until somebody looks at it.
alter table loads add column may_go bigint;
