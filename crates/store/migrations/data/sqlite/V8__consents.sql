-- Consents of people, and one chain of receipts for each workspace. A consent goes with its person;
-- receipts say nobody's name and stay. A receipt's body is the text that is hashed.
create table consents (
    id                integer primary key autoincrement,
    uuid              blob    not null,
    workspace_id      integer not null,
    subject_id        integer not null,
    resources         text    not null,
    source            text    not null,
    method            text    not null check (method in ('api_attestation', 'consent_page', 'upload')),
    text_version      text    not null,
    language          text    not null,
    granted_at        integer not null,
    expires_at        integer,
    revoked_at        integer,
    created_at        integer not null,
    sealed            blob    not null,
    sealed_revocation blob
) strict;
create unique index consents_uuid on consents (uuid, subject_id);
create index consents_newest on consents (workspace_id, created_at desc, id desc);
create index consents_subject on consents (subject_id);

create table consent_receipts (
    workspace_id  integer not null,
    number        integer not null,
    person_index  blob    not null,
    consent       blob,
    body          text    not null,
    previous_hash blob    not null,
    hash          blob    not null,
    primary key (workspace_id, number)
) strict;
create index consent_receipts_person on consent_receipts (workspace_id, person_index);
create index consent_receipts_consent on consent_receipts (consent) where consent is not null;

-- The consent that a link was made under, and a question asked; null where the customer attests by
-- contract.
alter table links add column consent blob;
alter table source_calls add column consent blob;

-- Whether the person has revoked the consent behind an object, which is then not shown.
alter table employments add column withheld integer not null default 0;
alter table owners add column withheld integer not null default 0;
-- The number of a workspace's owners is counted without a look at their rows.
drop index owners_newest;
create index owners_newest on owners (workspace_id, created_at desc, id desc, withheld);
