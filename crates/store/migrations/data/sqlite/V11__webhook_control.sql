-- What an endpoint wants and how it fares, and deliveries that are made again. An event and its
-- deliveries whose subject_id is 0 are about nobody.

-- Types between commas, such as ',EMPLOYMENTS,LINK,'; null for all.
alter table webhook_endpoints add column webhook_types text;
alter table webhook_endpoints add column disabled_reason text check (disabled_reason in ('manual', 'gone', 'failing'));
-- The first failed try since the last one that did not fail.
alter table webhook_endpoints add column failing_since integer;

-- Tries before the delivery was last made again.
alter table deliveries add column earlier_tries integer not null default 0;
