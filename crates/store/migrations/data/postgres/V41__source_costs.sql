-- What a source has cost since a moment, without a look at its rows. The new index is there before the old one goes.
create index source_calls_cost on source_calls (source, created_at, cost) where cost > 0;
drop index source_calls_spent;
