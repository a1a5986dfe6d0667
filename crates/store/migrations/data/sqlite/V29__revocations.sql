-- A seal by the keys of the installation on each receipt; those of earlier versions have none.
alter table consent_receipts add column seal blob;
-- When the last consent ends that still lets be shown what another, taken back, does not.
alter table subjects add column withhold_at integer;
create index subjects_withhold on subjects (withhold_at) where withhold_at is not null;
-- What was taken back is held against what is kept of it beside the keys.
create index consents_revoked on consents (workspace_id, uuid) where revoked_at is not null;
