-- What waits is found by an index through which every delivery passes: what it leaves there is walked over by each
-- claim until the next vacuum. That must not wait for a fifth of a table that keeps all deliveries, and must not
-- leave the indexes out because the rows are few beside the rest.
alter table deliveries set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
    vacuum_index_cleanup = on);
