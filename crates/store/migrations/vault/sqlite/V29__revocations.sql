-- Consents, API keys and passwords of keys that were taken back. They stand beside the keys, as receipts
-- of erasures do, so that data restored from an old backup meets them. object is the consent or the key;
-- password the hash of a password, empty for all of the key; sealed what was said, with the person's key.
create table revocations (
    id           integer primary key autoincrement,
    kind         text    not null check (kind in ('consent', 'key')),
    workspace_id integer not null,
    object       blob    not null,
    password     blob    not null,
    revoked_at   integer not null,
    sealed       blob
) strict;
create unique index revocations_object on revocations (object, password);
create index revocations_consents on revocations (workspace_id, id) where kind = 'consent';
