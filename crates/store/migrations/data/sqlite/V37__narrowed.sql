-- Since when an endpoint wants fewer types of events than before, until what waits of the others is cancelled.
alter table webhook_endpoints add column narrowed_at integer;
