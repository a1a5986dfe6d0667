-- The last failed try of an endpoint, and the first one since its tries failed without a quiet time
-- between them.
alter table webhook_endpoints add column last_failed_at integer;
alter table webhook_endpoints add column failing_again_since integer;
