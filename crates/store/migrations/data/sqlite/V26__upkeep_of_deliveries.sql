-- SQLite leaves nothing of a changed row behind in an index.
select 1;
