-- What a source has cost since a moment, without a look at its rows.
create index source_calls_cost on source_calls (source, created_at, cost) where cost > 0;
