-- What ended without having arrived: a replay finds it without going through all that did.
create index deliveries_ended on deliveries (workspace_id, id) where state in ('failed', 'cancelled');

-- When somebody wanted an endpoint to be sent what it missed; null when that is done. It missed what ended without
-- having arrived since one time, and what happened since another.
alter table webhook_endpoints add column replay_wanted_at integer;
alter table webhook_endpoints add column replay_ended_since integer;
alter table webhook_endpoints add column replay_happened_since integer;
