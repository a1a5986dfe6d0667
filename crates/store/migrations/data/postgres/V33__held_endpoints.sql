-- Until when an endpoint that asked for it is left in peace; from then on it has one delivery at a time, until
-- one arrives.
alter table webhook_endpoints add column held_until bigint;
-- When the delivery was last made again, or made for an event that had not been on its way to the endpoint.
alter table deliveries add column replayed_at bigint;
