-- For every rule of retention five thousand rows that stay though they are older than what goes, where the rule has such,
-- then ten that go, then five thousand that are too young. What is `at` is as old as its number: who removes what is
-- older than 10000 finds the ten. {uuid}, {index} and {sealed} are made by either database.
create temp table told (n bigint not null, stays bigint not null);
insert into told (n, stays) with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 5000)
    select n, 1 from numbers union all select 6000 + n, 0 from numbers where n <= 10
    union all select 20000 + n, 0 from numbers;

insert into organizations (uuid, name, created_at) values ({uuid}, 'default', 0);
insert into workspaces (uuid, organization_id, environment, created_at) values ({uuid}, 1, 'sandbox', 0);
insert into source_calls (uuid, workspace_id, subject_id, document_index, source, purpose, outcome, duration_us, billed,
    created_at, sealed_payload) select {uuid}, 1, n, {index}, 'ach', 'check', 'resolved', 1, 'no', n,
    case stays when 0 then {sealed} end from told;
insert into events (id, webhook_id, workspace_id, subject_id, link_id, webhook_type, webhook_code, created_at, sealed)
    select n, {uuid}, 1, n, n, 'LINK', 'x', n, {sealed} from told where stays = 0;
insert into deliveries (id, workspace_id, subject_id, event_id, endpoint_id, state, due_at, created_at, finished_at)
    select n, 1, n, n, 1, 'delivered', n, n, n from told;
insert into attempts (workspace_id, subject_id, delivery_id, number, started_at, duration_us, sealed_excerpt)
    select 1, n, n, 1, n, 1, case stays when 0 then {sealed} end from told;
insert into imports (id, uuid, workspace_id, sha256, bytes, kind, state, payer_index, number_index, period, sealed_name,
    sealed_report, created_at, finished_at, lines_removed) select n, {uuid}, 1, {index}, 1, 'planilla', 'accepted', {index},
    {index}, n, {sealed}, case stays when 0 then {sealed} end, n, n, stays from told;
insert into contributions (workspace_id, subject_id, origin, batch_id, line, payer_index, period, sealed)
    select 1, n, 'planilla', n, 1, {index}, n, {sealed} from told where stays = 0;
insert into loads (workspace_id, subject_id, link_id, trigger, resources, request_id, state, created_at, finished_at, may_go)
    select 1, n, n, 'creation', 'EMPLOYMENTS', {uuid}, 'done', n, n, 1 - stays from told;
insert into cohorts (id, uuid, workspace_id, state, quiet, defaults, total, ok, no_data, invalid, failed, cancelled,
    created_at, finished_at) values (1, {uuid}, 1, 'finished', 0, '', 0, 0, 0, 0, 0, 0, 0, 30000);
insert into cohort_rows (cohort_id, line, workspace_id, state, found, tries, due_at, ended_at, counted)
    select 1, n, 1, 'ok', 1, 1, n, n, 1 from told where stays = 0;
insert into idempotency_keys (workspace_id, key_index, request_index, status, sealed_answer, created_at)
    select 1, {index}, {index}, 201, {sealed}, n from told where stays = 0;
insert into used_widget_tokens (workspace_id, jti, expires_at) select 1, {uuid}, n from told where stays = 0;
insert into connect_sessions (uuid, token_hash, workspace_id, jti, state, attempts, created_at, changed_at, sealed)
    select {uuid}, {index}, 1, {uuid}, 'open', 1, n, n, {sealed} from told where stays = 0;
insert into audit_heads (chain, sequence, hash, updated_at, first, base) select {chain}, 11010, {index}, 25000, 6001, {index};
insert into audit_blocks (chain, sequence, created_at, entries, digest, previous, anchors, hash, seal)
    select {chain}, case when n < 7000 then n else n - 13990 end, n, 1, {index}, {index}, {sealed}, {index}, {index}
    from told where stays = 0;
insert into audit_entries (writer, chain, block, workspace_id, created_at, action, actor, objects)
    select {chain}, {chain}, case when n < 7000 then n else n - 13990 end, 1, n, 'links.read', 'key', 1 from told
    where stays = 0;
