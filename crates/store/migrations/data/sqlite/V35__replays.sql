-- What ended without having arrived: a replay finds it without going through all that did.
create index deliveries_ended on deliveries (workspace_id, id) where state in ('failed', 'cancelled');
