-- Conventions, the same on both engines: ids are 64-bit integers, wire ids are UUIDs, times are microseconds
-- since 1970 UTC, months are yyyymm, flags are 0 or 1. Columns named sealed* hold AES-256-GCM
-- ciphertext, columns named *_index hold HMAC-SHA256 values. Nothing else says who a person is.

create table organizations (
    id         integer primary key autoincrement,
    uuid       blob    not null unique,
    name       text    not null,
    created_at integer  not null
) strict;

create table workspaces (
    id              integer primary key autoincrement,
    uuid            blob    not null unique,
    organization_id integer  not null references organizations (id),
    environment     text    not null check (environment in ('sandbox', 'production')),
    created_at      integer  not null,
    unique (organization_id, environment)
) strict;

create table api_keys (
    id           integer primary key autoincrement,
    secret_id    blob    not null unique,
    workspace_id integer  not null references workspaces (id),
    name         text    not null,
    secret_hash  blob    not null,
    created_at   integer  not null,
    revoked_at   integer
) strict;

create table subjects (
    id             integer primary key autoincrement,
    workspace_id   integer  not null references workspaces (id),
    document_index blob    not null,
    created_at     integer  not null,
    unique (workspace_id, document_index)
) strict;

create table links (
    id                  integer primary key autoincrement,
    uuid                blob    not null,
    workspace_id        integer  not null,
    subject_id          integer  not null,
    institution         text    not null,
    access_mode         text    not null check (access_mode in ('single', 'recurrent')),
    status              text    not null check (status in ('valid', 'invalid', 'unconfirmed', 'token_required')),
    refresh_rate        text,
    created_by          blob    not null,
    last_accessed_at    integer,
    created_at          integer  not null,
    institution_user_id text    not null,
    credentials_storage text    not null,
    stale_in            text,
    fetch_resources     text    not null,
    external_index      blob,
    sealed              blob    not null
) strict;
create unique index links_uuid on links (uuid, subject_id);
create index links_newest on links (workspace_id, created_at desc, id desc);
create index links_subject on links (subject_id);

create table source_calls (
    id             integer primary key autoincrement,
    uuid           blob    not null,
    workspace_id   integer  not null,
    subject_id     integer,
    document_index blob    not null,
    source         text    not null,
    purpose        text    not null check (purpose in ('check', 'load')),
    outcome        text    not null,
    reason         text,
    http_status    integer,
    raw_code       text,
    duration_us    integer  not null,
    billed         text    not null check (billed in ('yes', 'no', 'unknown')),
    sealed_payload blob,
    created_at     integer  not null
) strict;
create index source_calls_document on source_calls (workspace_id, document_index, created_at);
create index source_calls_subject on source_calls (subject_id);

create table loads (
    id             integer primary key autoincrement,
    workspace_id   integer  not null,
    subject_id     integer  not null,
    link_id        integer  not null,
    trigger        text    not null check (trigger in ('creation', 'refresh', 'schedule', 'request')),
    resources      text    not null,
    request_id     blob    not null,
    window_from    text,
    window_to      text,
    save_data      integer  not null default 1,
    state          text    not null check (state in ('waiting', 'done', 'failed')),
    source_call_id integer,
    failure        text,
    created_at     integer  not null,
    finished_at    integer
) strict;
create index loads_link on loads (link_id);

create table contributions (
    workspace_id  integer not null,
    subject_id    integer not null,
    origin        text   not null check (origin in ('planilla', 'ach')),
    batch_id      integer not null,
    line          integer not null,
    payer_index   blob   not null,
    period        integer not null,
    planilla_type text,
    sealed        blob   not null,
    primary key (subject_id, origin, batch_id, line)
) strict, without rowid;
create index contributions_batch on contributions (origin, batch_id);
create index contributions_payer on contributions (workspace_id, payer_index);

create table payers (
    workspace_id integer not null,
    payer_index  blob   not null,
    subject_id   integer not null,
    import_id    integer not null,
    updated_at   integer not null,
    sealed       blob   not null,
    primary key (workspace_id, payer_index)
) strict, without rowid;

create table imports (
    id            integer primary key autoincrement,
    uuid          blob    not null unique,
    workspace_id  integer  not null,
    sha256        blob    not null,
    bytes         integer  not null,
    kind          text             check (kind in ('planilla', 'payer_record')),
    state         text    not null check (state in ('waiting', 'loading', 'accepted', 'refused', 'repeated', 'superseded')),
    lines         integer  not null default 0,
    loaded        integer  not null default 0,
    errors        integer  not null default 0,
    warnings      integer  not null default 0,
    payer_index   blob,
    number_index  blob,
    draft_index   blob,
    period        integer,
    planilla_type text,
    allowed       text    not null default '',
    sealed_name   blob    not null,
    sealed_report blob,
    created_at    integer  not null,
    finished_at   integer
) strict;
create index imports_newest on imports (workspace_id, created_at desc, id desc);
create unique index imports_file on imports (workspace_id, sha256) where state in ('waiting', 'loading', 'accepted');
create unique index imports_planilla on imports (workspace_id, payer_index, number_index)
    where state = 'accepted' and number_index is not null;
create unique index imports_draft on imports (workspace_id, draft_index)
    where state = 'accepted' and draft_index is not null;
create index imports_superseded on imports (workspace_id, draft_index) where state = 'superseded';

create table employments (
    id           integer primary key autoincrement,
    uuid         blob    not null,
    workspace_id integer  not null,
    subject_id   integer  not null,
    link_id      integer  not null,
    object_index blob    not null,
    created_at   integer  not null,
    collected_at integer  not null,
    sealed       blob    not null
) strict;
create unique index employments_object on employments (link_id, object_index, subject_id);
create index employments_uuid on employments (uuid);
create index employments_newest on employments (workspace_id, created_at desc, id desc);

create table owners (
    id           integer primary key autoincrement,
    uuid         blob    not null,
    workspace_id integer  not null,
    subject_id   integer  not null,
    link_id      integer  not null,
    object_index blob    not null,
    created_at   integer  not null,
    collected_at integer  not null,
    sealed       blob    not null
) strict;
create unique index owners_object on owners (link_id, object_index, subject_id);
create index owners_uuid on owners (uuid);
create index owners_newest on owners (workspace_id, created_at desc, id desc);

create table webhook_endpoints (
    id           integer primary key autoincrement,
    uuid         blob    not null unique,
    workspace_id integer  not null references workspaces (id),
    created_at   integer  not null,
    disabled_at  integer,
    sealed       blob    not null
) strict;
create index webhook_endpoints_workspace on webhook_endpoints (workspace_id);

create table events (
    id           integer primary key autoincrement,
    webhook_id   blob    not null,
    workspace_id integer  not null,
    subject_id   integer  not null,
    link_id      integer  not null,
    load_id      integer,
    webhook_type text    not null,
    webhook_code text    not null,
    created_at   integer  not null,
    sealed       blob    not null
) strict;
create unique index events_webhook on events (webhook_id, subject_id);
create index events_newest on events (workspace_id, created_at desc, id desc);

-- due_at says when a row may be taken next; while a worker holds it, that is the end of its lease.
create table deliveries (
    id           integer primary key autoincrement,
    workspace_id integer  not null,
    subject_id   integer  not null,
    event_id     integer  not null,
    endpoint_id  integer  not null,
    state        text    not null check (state in ('pending', 'delivered', 'failed', 'cancelled')),
    due_at       integer  not null,
    leased       integer  not null default 0,
    attempt      integer  not null default 0,
    created_at   integer  not null,
    finished_at  integer
) strict;
create index deliveries_due on deliveries (endpoint_id, due_at, id) where state = 'pending';
create index deliveries_held on deliveries (endpoint_id, due_at) where state = 'pending' and leased = 1;
create index deliveries_event on deliveries (event_id);

create table attempts (
    id             integer primary key autoincrement,
    workspace_id   integer  not null,
    subject_id     integer  not null,
    delivery_id    integer  not null,
    number         integer  not null,
    started_at     integer  not null,
    duration_us    integer  not null,
    status         integer,
    failure        text,
    sealed_excerpt blob
) strict;
create unique index attempts_number on attempts (delivery_id, number, subject_id);

create table jobs (
    id         integer primary key autoincrement,
    kind       text    not null,
    target_id  integer  not null,
    due_at     integer  not null,
    leased     integer  not null default 0,
    attempt    integer  not null default 0,
    failure    text,
    created_at integer  not null,
    unique (kind, target_id)
) strict;
create index jobs_due on jobs (due_at, id);
