-- The last failed try of an endpoint, and the first one since its tries failed without a quiet time
-- between them.
alter table webhook_endpoints add column last_failed_at bigint;
alter table webhook_endpoints add column failing_again_since bigint;
