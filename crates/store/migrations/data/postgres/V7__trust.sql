-- The erasure of a person finds what is about the person.
create index events_subject on events (subject_id);
create index idempotency_keys_subject on idempotency_keys (subject_id) where subject_id is not null;
create index payers_subject on payers (subject_id);
