//! What every request, job and delivery asks finds its rows by an index. Seen on PostgreSQL, which
//! counts what a statement touches.

use crate::fixture::{ALL, NOW, SECOND, index, sealed, uuid};
use crate::raw;
use crate::support::{TestDatabase, retained};
use vinculo_store::{
    AttemptRecord, AuditFilter, ConnectState, ConsentFilter, DeliveryFilter, DeliveryId,
    DeliveryState, Dialect, DueFor, DueLink, EndpointId, EventFilter, ImportId, Job, LinkFilter,
    LinkId, LoadId, LoadState, Micros, NewKeptAnswer, NewObject, ObjectFilter, OpenEntries, Origin,
    PageRequest, Queue, ReplayPlace, Resource, Result, RetentionRule, SourceCallId, Store,
    SubjectId, Tx, UsedToken, WorkspaceId,
};

/// What one call may touch of a table of thousands.
const FEW: i64 = 500;

/// Thousands of rows in every table but the smallest; the person of link `n` is person `n`.
const FILL: &str = "
    insert into organizations (uuid, name, created_at) values (pg_uuid(1), 'default', 0);
    insert into workspaces (uuid, organization_id, environment, created_at)
        values (pg_uuid(2), 1, 'sandbox', 0);
    insert into api_keys (secret_id, workspace_id, name, secret_hash, created_at)
        select pg_uuid(n), 1, 'key', '\\x00', 0 from generate_series(1, 5000) n;
    insert into used_widget_tokens (workspace_id, jti, expires_at)
        select 1, pg_uuid(n), n from generate_series(1, 5000) n;
    insert into connect_sessions (uuid, token_hash, workspace_id, jti, state, attempts, created_at,
        changed_at, sealed) select pg_uuid(n), pg_index(n), 1, pg_uuid(n), 'open', 1, n, n,
        pg_sealed() from generate_series(1, 5000) n;
    insert into subjects (workspace_id, document_index, created_at)
        select 1, pg_index(n), 0 from generate_series(1, 5000) n;
    insert into vault.data_keys (owner_kind, owner_id, master_version, wrapped, created_at)
        select 'subject', n, 3, decode('6400000003' || repeat('00', 60), 'hex'), 0
        from generate_series(1, 5000) n;
    insert into vault.erasures (uuid, workspace_id, person_index, links, objects, contributions,
        source_calls, deliveries, erased_at) select pg_uuid(n), 1, pg_index(n), 0, 0, 0, 0, 0, n
        from generate_series(1, 5000) n;
    insert into links (uuid, workspace_id, subject_id, institution, access_mode, status,
        created_by, created_at, institution_user_id, credentials_storage, fetch_resources, sealed,
        refresh_at, refresh_trigger, expires_at, stale_at)
        select pg_uuid(n), 1, n, 'pila_co_employment', 'single', 'valid', pg_uuid(1), n, 'x',
        'store', 'EMPLOYMENTS', pg_sealed(), n, 'schedule', n, n from generate_series(1, 5000) n;
    insert into loads (workspace_id, subject_id, link_id, trigger, resources, request_id, state,
        created_at, finished_at) select 1, n, n, 'creation', 'EMPLOYMENTS', pg_uuid(n),
        case when n > 4000 then 'done' else 'waiting' end, 0, case when n > 4000 then n end
        from generate_series(1, 5000) n;
    insert into employments (uuid, workspace_id, subject_id, link_id, object_index, created_at,
        collected_at, sealed) select pg_uuid(10 * n + m), 1, n, n, pg_index(m), n, n, pg_sealed()
        from generate_series(1, 5000) n, generate_series(1, 3) m;
    insert into contributions (workspace_id, subject_id, origin, batch_id, line, payer_index,
        period, sealed) select 1, n, 'ach', 1, m, pg_index(n), 202601, pg_sealed()
        from generate_series(1, 5000) n, generate_series(1, 6) m;
    insert into source_calls (uuid, workspace_id, subject_id, document_index, source, purpose,
        outcome, duration_us, billed, cost, created_at) select pg_uuid(n), 1, n, pg_index(n), 'ach',
        'check', 'resolved', 1, 'yes', 1, n from generate_series(1, 5000) n;
    insert into consents (uuid, workspace_id, subject_id, resources, source, method, text_version,
        language, granted_at, created_at, sealed) select pg_uuid(n), 1, n, 'EMPLOYMENTS',
        'pila_co_employment', 'upload', '1', 'es', 0, n, pg_sealed() from generate_series(1, 5000) n;
    insert into consent_receipts (workspace_id, number, person_index, consent, body, previous_hash,
        hash) select 1, n, pg_index(n), pg_uuid(n), '{}', pg_index(n), pg_index(n)
        from generate_series(1, 5000) n;
    insert into imports (uuid, workspace_id, sha256, bytes, state, payer_index, number_index,
        draft_index, sealed_name, created_at) select pg_uuid(n), 1, pg_index(n), 1, 'accepted',
        pg_index(n), pg_index(n), pg_index(n), pg_sealed(), n from generate_series(1, 5000) n;
    insert into idempotency_keys (workspace_id, key_index, request_index, subject_id, status,
        sealed_answer, created_at) select 1, pg_index(n), pg_index(n), n, 201, pg_sealed(), n
        from generate_series(1, 5000) n;
    insert into audit_entries (writer, chain, block, workspace_id, created_at, action, actor, person,
        link, objects) select pg_uuid(1), pg_uuid(1), n / 10, 1, n, 'links.read', 'key', n,
        pg_uuid(n), 1 from generate_series(1, 5000) n;
    insert into audit_blocks (chain, sequence, created_at, entries, digest, previous, anchors, hash,
        seal) select pg_uuid(1), n, n, 10, pg_index(n), pg_index(n), pg_sealed(), pg_index(n),
        pg_index(n) from generate_series(0, 500) n;
    insert into jobs (kind, target_id, due_at, created_at, workspace_id)
        select 'sync_link', n, n, 0, 1 from generate_series(1, 5000) n;
    insert into webhook_endpoints (uuid, workspace_id, created_at, sealed)
        select pg_uuid(n), 1, 0, pg_sealed() from generate_series(1, 10) n;
    insert into events (webhook_id, workspace_id, subject_id, link_id, webhook_type, webhook_code,
        created_at, sealed) select pg_uuid(n), 1, n, n, 'LINK', 'x', 0, pg_sealed()
        from generate_series(1, 5000) n;
    insert into deliveries (workspace_id, subject_id, event_id, endpoint_id, state, due_at,
        created_at) select 1, n, n, 1, 'pending', n, 0 from generate_series(1, 5000) n;
    insert into deliveries (workspace_id, subject_id, event_id, endpoint_id, state, due_at,
        created_at) select 1, n, n, 2 + n % 9, case when n % 2 = 0 then 'delivered'
        else 'pending' end, 4000000000000000, 0 from generate_series(1, 5000) n;
    insert into deliveries (workspace_id, subject_id, event_id, endpoint_id, state, due_at,
        created_at, finished_at) select 1, n, n, 3, 'failed', n, 0, n
        from generate_series(1, 5000) n where n % 3 = 0;
    analyze;
";

/// Another workspace, all of whose events arrived but one.
const ARRIVED: &str = "
    insert into workspaces (uuid, organization_id, environment, created_at)
        values (pg_uuid(3), 1, 'production', 0);
    insert into events (webhook_id, workspace_id, subject_id, link_id, webhook_type, webhook_code,
        created_at, sealed) select pg_uuid(10000 + n), 2, n, n, 'LINK', 'x', n, pg_sealed()
        from generate_series(1, 3000) n;
    insert into deliveries (workspace_id, subject_id, event_id, endpoint_id, state, due_at,
        created_at, finished_at) select 2, n, 5000 + n, 10, case when n = 7 then 'failed'
        else 'delivered' end, n, 0, n from generate_series(1, 3000) n;
    analyze;
";

/// Everything arrived.
const NOTHING_WAITS: &str =
    "update deliveries set state = 'delivered', leased = 0, due_at = 1, finished_at = 1";

/// After the planner saw that nothing waits, much waits for each of twenty endpoints.
const BACKLOG: &str = "
    insert into webhook_endpoints (uuid, workspace_id, created_at, sealed)
        select pg_uuid(100 + n), 1, 0, pg_sealed() from generate_series(1, 20) n;
    insert into deliveries (workspace_id, subject_id, event_id, endpoint_id, state, due_at,
        created_at) select 1, n, n, 11 + n % 20, 'pending', n, 0 from generate_series(1, 2000) n;
";

/// Values as the fixture makes them, for [`FILL`].
const FUNCTIONS: &str = "
    create function pg_uuid(n bigint) returns uuid language sql immutable
        return lpad(to_hex(n), 32, '0')::uuid;
    create function pg_index(n bigint) returns bytea language sql immutable
        return decode(lpad(to_hex(n), 16, '0') || repeat('a5', 24), 'hex');
    create function pg_sealed() returns bytea language sql immutable
        return decode('01' || repeat('00', 48), 'hex');
";

type Call = fn(&mut Tx<'_>) -> Result<bool>;

const HERE: WorkspaceId = WorkspaceId(1);
const MIDDLE: u64 = 2_500;

/// Every call that somebody waits for; each tells whether it found something. All do but those that say `none`: a
/// look into nothing touches few rows by any plan.
const CALLS: &[(&str, Call)] = &[
    ("api_key", |tx| Ok(tx.api_key(uuid(MIDDLE))?.is_some())),
    ("organization_name", |tx| Ok(tx.organization_name(uuid(1))?.is_some())),
    ("widget_token_is_used", |tx| tx.widget_token_is_used(HERE, uuid(MIDDLE))),
    ("use_widget_token", |tx| {
        tx.use_widget_token(&UsedToken { workspace: HERE, jti: uuid(9_999), expires_at: NOW })
    }),
    ("connect_session", |tx| Ok(tx.connect_session(uuid(MIDDLE), &index(MIDDLE))?.is_some())),
    ("connect_attempts", |tx| Ok(tx.connect_attempts(HERE, uuid(MIDDLE))? == 1)),
    ("change_connect_session", |tx| {
        let seen = tx.connect_session(uuid(MIDDLE), &index(MIDDLE))?;
        let seen = seen.expect("the session is not there");
        tx.change_connect_session(&seen, ConnectState::Left, NOW, &sealed(1))
    }),
    ("subject", |tx| Ok(tx.subject(HERE, &index(MIDDLE))?.is_some())),
    ("one_key_per_version", |tx| Ok(tx.one_key_per_version()?.len() == 1)),
    ("keys_of_other_versions", |tx| Ok(tx.keys_of_other_versions(4, 10)?.len() == 10)),
    ("keys_of_other_versions, none", |tx| Ok(!tx.keys_of_other_versions(3, 10)?.is_empty())),
    ("erased_people", |tx| {
        Ok(tx.erased_people(HERE, [index(MIDDLE), index(9_999)])? == [true, false])
    }),
    ("erasure", |tx| Ok(tx.erasure(HERE, &index(MIDDLE))?.is_some())),
    ("erase_person", |tx| Ok(tx.erase_person(HERE, &index(4_990))?.is_some())),
    ("ensure_subject", |tx| {
        Ok(tx.ensure_subject(HERE, &index(4_980), &crate::fixture::wrapped(1), NOW)?.id.0 == 4_980)
    }),
    ("link", |tx| Ok(tx.link(HERE, uuid(MIDDLE))?.is_some())),
    ("link_by_id", |tx| Ok(tx.link_by_id(LinkId(2_500))?.is_some())),
    ("load", |tx| Ok(tx.load(LoadId(2_500))?.is_some())),
    ("load_courses", |tx| Ok(tx.load_courses(LinkId(2_500), 100)?.len() == 1)),
    ("creation_times", |tx| Ok(tx.creation_times(HERE, 4_500, 10)?.len() == 10)),
    ("answers_from", |tx| Ok(tx.answers_from(SubjectId(2_500), SourceCallId(0))?.len() == 1)),
    ("answers_since", |tx| Ok(tx.answers_since(HERE, &index(MIDDLE), 0)?.len() == 1)),
    ("source_calls", |tx| Ok(tx.source_calls(HERE, SubjectId(2_500), ALL)?.count == 1)),
    ("source_call", |tx| Ok(tx.source_call(HERE, SubjectId(2_500), uuid(2_500))?.is_some())),
    ("source_usage", |tx| Ok(tx.source_usage(HERE, 2_500, 2_520)?[0].calls == 20)),
    ("source_outcomes", |tx| Ok(tx.source_outcomes(HERE, 2_500, 2_520)?[0].1 == 20)),
    ("source_cost", |tx| Ok(tx.source_cost("ach", 2_500, 2_520)? == 20)),
    ("source_cost, what is new", |tx| Ok(tx.source_cost("ach", 4_981, Micros::MAX)? == 20)),
    ("source_payload", |tx| Ok(tx.source_payload(SourceCallId(2_500))?.is_some())),
    ("count_source_calls", |tx| Ok(tx.count_source_calls(HERE, &index(MIDDLE))? == 1)),
    ("audit_entries, of a link", |tx| {
        let filter = AuditFilter { links: Some(vec![uuid(MIDDLE)]), ..AuditFilter::default() };
        Ok(tx.audit_entries(HERE, &filter, ALL)?.count == 1)
    }),
    ("audit_entries, of a person", |tx| {
        let filter = AuditFilter { person: Some(SubjectId(2_500)), ..AuditFilter::default() };
        Ok(tx.audit_entries(HERE, &filter, ALL)?.count == 1)
    }),
    ("audit_entries_after", |tx| {
        let all = AuditFilter::default();
        Ok(tx.audit_entries_after(Some(HERE), &all, 2_500, 100)?.len() == 100)
    }),
    ("entries_of_block", |tx| Ok(tx.entries_of_block(uuid(1), 250)?.len() == 10)),
    ("chain_entries, none", |tx| {
        let of = tx.chain_entries(OpenEntries::Of(uuid(1)), uuid(2), 0, 1_000)?;
        let before = tx.chain_entries(OpenEntries::Before(NOW), uuid(2), 0, 1_000)?;
        Ok(of + before > 0)
    }),
    ("audit_blocks", |tx| Ok(tx.audit_blocks(uuid(1), 250, 1)?.len() == 1)),
    ("source_calls_about", |tx| Ok(tx.source_calls_about(HERE, &index(MIDDLE))?.len() == 1)),
    ("links_of", |tx| Ok(tx.links_of(SubjectId(2_500))?.len() == 1)),
    ("allowed_by", |tx| Ok(tx.allowed_by(SubjectId(2_500))?.len() == 1)),
    ("consents_of", |tx| Ok(tx.consents_of(SubjectId(2_500))?.len() == 1)),
    ("consent", |tx| Ok(tx.consent(HERE, uuid(MIDDLE))?.is_some())),
    ("consents by link", |tx| {
        let links = Some(vec![uuid(MIDDLE)]);
        let filter = ConsentFilter { links, ..ConsentFilter::default() };
        Ok(tx.consents(HERE, &filter, ALL)?.count == 1)
    }),
    ("revoke_consent", |tx| tx.revoke_consent(HERE, uuid(MIDDLE), NOW, &sealed(1))),
    ("forget_answers_about_links", |tx| {
        tx.forget_answers_about_links(SubjectId(2_400)).map(|()| true)
    }),
    ("withhold", |tx| tx.withhold(Resource::Employments, SubjectId(2_400), true).map(|()| true)),
    ("last_consent_receipt", |tx| {
        Ok(tx.last_consent_receipt(HERE)?.is_some_and(|last| last.number == 5_000))
    }),
    ("consent_receipts_after", |tx| Ok(tx.consent_receipts_after(HERE, 2_500, 10)?.len() == 10)),
    (
        "consent_receipts_about",
        |tx| Ok(tx.consent_receipts_about(HERE, &index(MIDDLE))?.len() == 1),
    ),
    ("receipts_of_consents", |tx| {
        Ok(tx.receipts_of_consents(HERE, &[uuid(MIDDLE), uuid(7)])?.len() == 2)
    }),
    ("objects", |tx| {
        let of_link = ObjectFilter { links: Some(vec![uuid(MIDDLE)]), ..ObjectFilter::default() };
        Ok(tx.objects(Resource::Employments, HERE, &of_link, ALL)?.count == 3)
    }),
    ("objects, page", |tx| {
        let of_link = ObjectFilter { links: Some(vec![uuid(MIDDLE)]), ..ObjectFilter::default() };
        let page = PageRequest { limit: 2, offset: 0 };
        Ok(tx.objects(Resource::Employments, HERE, &of_link, page)?.count == 3)
    }),
    ("objects_after", |tx| {
        let all = ObjectFilter::default();
        let first = tx.objects_after(Resource::Employments, HERE, &all, None, 10)?;
        let (last, _) = first.last().expect("no objects");
        let next = tx.objects_after(Resource::Employments, HERE, &all, Some(*last), 10)?;
        Ok(next.len() == 10)
    }),
    ("objects_after, of a link", |tx| {
        let of_link = ObjectFilter { links: Some(vec![uuid(MIDDLE)]), ..ObjectFilter::default() };
        let found = tx.objects_after(Resource::Employments, HERE, &of_link, None, 10)?;
        Ok(found.len() == 3)
    }),
    ("more_objects_than", |tx| {
        tx.more_objects_than(Resource::Employments, HERE, &ObjectFilter::default(), 100)
    }),
    ("object", |tx| Ok(tx.object(Resource::Employments, HERE, uuid(25_001))?.is_some())),
    ("kept_objects", |tx| Ok(tx.kept_objects(Resource::Employments, LinkId(7))?.len() == 3)),
    ("traced_object", |tx| {
        Ok(tx.traced_object(Resource::Employments, HERE, uuid(25_001))?.is_some())
    }),
    ("batches", |tx| {
        let of = |tx: &mut Tx<'_>, origin| tx.batches(HERE, origin, &[7, 2_500]);
        Ok(of(tx, Origin::Answer)?.len() + of(tx, Origin::Planilla)?.len() == 4)
    }),
    ("contributions", |tx| Ok(tx.contributions(SubjectId(2_500))?.len() == 6)),
    ("has_planilla_lines, none", |tx| tx.has_planilla_lines(HERE, &index(MIDDLE))),
    ("payer_profiles, none", |tx| Ok(!tx.payer_profiles(HERE, SubjectId(2_500))?.is_empty())),
    ("next_due jobs", |tx| Ok(tx.next_due(Queue::Jobs)?.is_some())),
    ("next_file_in_reach, none", |tx| Ok(tx.next_file_in_reach(Some(uuid(1)))?.is_some())),
    ("next_due deliveries", |tx| Ok(tx.next_due(Queue::Deliveries)? == Some(1))),
    ("links by id", |tx| {
        let filter = LinkFilter { ids: Some(vec![uuid(MIDDLE)]), ..LinkFilter::default() };
        Ok(tx.links(HERE, &filter, ALL)?.count == 1)
    }),
    ("put_objects", |tx| {
        let object = NewObject {
            uuid: uuid(1),
            workspace: HERE,
            subject: SubjectId(8),
            link: LinkId(8),
            object: index(2),
            created_at: NOW,
            collected_at: NOW,
            sealed: sealed(1),
        };
        tx.put_objects(Resource::Employments, LinkId(8), &[object])?;
        Ok(true)
    }),
    ("finish_load", |tx| tx.finish_load(LoadId(9), LoadState::Done, None, NOW)),
    ("a job's life", |tx| {
        tx.enqueue(Job::SyncLink(LoadId(9_999)), NOW, NOW)?;
        let jobs = tx.claim_jobs(NOW, NOW + SECOND, 8)?;
        tx.extend_jobs(&jobs, NOW + 2 * SECOND)?;
        Ok(jobs.len() == 8 && tx.reschedule_job(&jobs[0], NOW, "x")? && tx.finish_job(&jobs[1])?)
    }),
    // A lease that is over at once: the next call has as much room as ever.
    ("claim_first_deliveries", |tx| Ok(tx.claim_first_deliveries(NOW, NOW, 8, 9, 1)?.len() == 1)),
    ("claim_steady_deliveries", |tx| {
        Ok(tx.claim_steady_deliveries(NOW, NOW, 8, [NOW, NOW], 1)?.len() == 1)
    }),
    ("claim_deliveries", |tx| {
        let due = tx.claim_deliveries(NOW, NOW + SECOND, 8, 8, 1)?;
        let claims: Vec<_> = due.iter().map(|it| it.claim).collect();
        tx.extend_deliveries(&claims, NOW + 2 * SECOND)?;
        Ok(due.len() == 8)
    }),
    ("events of a link", |tx| {
        let of_link = EventFilter { links: Some(vec![uuid(MIDDLE)]), ..EventFilter::default() };
        Ok(tx.events(HERE, &of_link, ALL)?.count == 1)
    }),
    ("an event and its deliveries", |tx| {
        let one = EventFilter { id: Some(uuid(MIDDLE)), ..EventFilter::default() };
        let event = tx.events(HERE, &one, ALL)?.rows.remove(0);
        let states = tx.delivery_states(HERE, &[event.id])?;
        let of_event = DeliveryFilter { events: one, ..DeliveryFilter::default() };
        Ok(!states.is_empty() && tx.deliveries(HERE, &of_event, ALL)?.count == 2)
    }),
    ("a delivery", |tx| {
        let one = DeliveryFilter { id: Some(DeliveryId(2_500)), ..DeliveryFilter::default() };
        Ok(tx.deliveries(HERE, &one, ALL)?.count == 1 && tx.attempts(DeliveryId(2_500))?.is_empty())
    }),
    ("a step of the search for what is not wanted any more", |tx| {
        tx.narrow_endpoint(EndpointId(1), NOW)?;
        let first = tx.unwanted_deliveries(EndpointId(1), ReplayPlace::default(), 20)?;
        let next = first.next.unwrap_or_default();
        let second = tx.unwanted_deliveries(EndpointId(1), next, 20)?;
        tx.cancel_unwanted_deliveries(&[DeliveryId(2_500)], NOW)?;
        Ok(second.next.is_some())
    }),
    ("replay of one", |tx| {
        let one = DeliveryFilter { id: Some(DeliveryId(4_970)), ..DeliveryFilter::default() };
        let first = ReplayPlace::default();
        let found = tx.deliveries_to_replay(HERE, &one, first, 1, NOW)?.found;
        Ok(tx.replay_deliveries(HERE, &one, &found, NOW)? == 1)
    }),
    ("a step of a replay", |tx| {
        let all = DeliveryFilter { endpoints: Some(vec![uuid(1)]), ..DeliveryFilter::default() };
        let page = tx.deliveries_to_replay(HERE, &all, ReplayPlace::default(), 20, NOW)?;
        let next = tx.deliveries_to_replay(HERE, &all, page.next.unwrap_or_default(), 20, NOW)?;
        let both = [page.found, next.found].concat();
        let replayed = tx.replay_deliveries(HERE, &all, &both, NOW)?;
        Ok(both.len() > 20 && usize::try_from(replayed) == Ok(both.len()))
    }),
    ("a step of a replay of what did not arrive", |tx| {
        let states = Some(vec![DeliveryState::Failed, DeliveryState::Cancelled]);
        let endpoints = Some(vec![uuid(3)]);
        let lost = DeliveryFilter {
            states,
            endpoints,
            finished_since: Some(1),
            ..DeliveryFilter::default()
        };
        let page = tx.deliveries_to_replay(HERE, &lost, ReplayPlace::default(), 50, NOW)?;
        let next = tx.deliveries_to_replay(HERE, &lost, page.next.unwrap_or_default(), 50, NOW)?;
        Ok(!page.found.is_empty() && !next.found.is_empty())
    }),
    ("a step of what an endpoint missed", |tx| {
        // What a replay before this one left dead is gone through as long as anybody else might see it.
        let (all, first) = (EventFilter::default(), ReplayPlace::default());
        let page = tx.missed_events(HERE, EndpointId(2), &all, first, 20)?;
        let at = page.next.unwrap_or_default();
        let next = tx.missed_events(HERE, EndpointId(2), &all, at, 20)?;
        let both = [page.found, next.found].concat();
        Ok(!both.is_empty() && tx.deliver_missed(HERE, EndpointId(2), &both, NOW)? > 0)
    }),
    ("endpoint", |tx| Ok(tx.endpoint(HERE, uuid(3))?.is_some())),
    ("record_attempt", |tx| {
        let due = tx.claim_deliveries(NOW, NOW + SECOND, 1, 9, 1)?;
        let record = AttemptRecord {
            claim: due[0].claim,
            started_at: NOW,
            duration_us: 1,
            status: Some(200),
            failure: None,
            excerpt: None,
            state: DeliveryState::Delivered,
            due_at: NOW,
        };
        tx.record_attempt(&record, NOW)
    }),
    ("workspaces_to_refresh", |tx| Ok(tx.workspaces_to_refresh(NOW, 10)? == [(HERE, 0)])),
    ("due_links", |tx| {
        let mut found = Vec::new();
        for what in [DueFor::Refresh(HERE), DueFor::Expiry, DueFor::Staleness] {
            let first = tx.due_links(what, NOW, DueLink::FIRST, 15)?;
            let last = first.last().copied().expect("nothing is due");
            found.extend(tx.due_links(what, NOW, last, 15)?);
        }
        Ok(found.len() == 45)
    }),
    ("overdue_links", |tx| Ok(tx.overdue_links(20)?[..3].iter().all(|it| it.due == 20))),
    ("is_crowded", |tx| tx.is_crowded(HERE, NOW, 10)),
    ("claim_first_jobs", |tx| Ok(tx.claim_first_jobs(NOW, NOW + SECOND, 8)?.len() < 2)),
    ("kept_answer", |tx| Ok(tx.kept_answer(HERE, &index(MIDDLE), 0)?.is_some())),
    ("keep_answer", |tx| {
        let answer = NewKeptAnswer {
            workspace: HERE,
            key: &index(MIDDLE),
            request: &index(1),
            subject: None,
            link: None,
            status: 201,
            body: &sealed(1),
            created_at: NOW,
        };
        tx.keep_answer(&answer, NOW - 1)
    }),
    // For more of five thousand small rows PostgreSQL would rather read all.
    ("remove_old answers", |tx| {
        Ok(tx.remove_old(RetentionRule::KeptAnswers, Some(HERE), NOW, 5, NOW)? == 5)
    }),
    ("remove_old tokens", |tx| {
        Ok(tx.remove_old(RetentionRule::UsedTokens, Some(HERE), NOW, 5, NOW)? == 5)
    }),
    ("remove_old connect sessions", |tx| {
        Ok(tx.remove_old(RetentionRule::ConnectSessions, Some(HERE), NOW, 5, NOW)? == 5)
    }),
    ("links_touched_by, none", |tx| {
        let import = tx.import(ImportId(2_500))?;
        let import = import.expect("the import is not there");
        Ok(!tx.links_touched_by(&import, LinkId(0), 10)?.is_empty())
    }),
    ("accept_import", |tx| tx.accept_import(ImportId(2_500), NOW).map(|()| true)),
    ("delete_link", |tx| tx.delete_link(LinkId(10), SubjectId(10), NOW).map(|()| true)),
];

/// Of those, what looks for little among much.
const RARE: &[(&str, Call)] = &[("deliveries that did not arrive", |tx| {
    let states = Some(vec![DeliveryState::Failed]);
    let lost = DeliveryFilter { states, ..DeliveryFilter::default() };
    let page = tx.deliveries(WorkspaceId(2), &lost, ALL)?;
    Ok((page.count, page.rows.len()) == (1, 1))
})];

/// A look for what is older than ten thousand, and its removal.
fn removes(tx: &mut Tx<'_>, rule: RetentionRule) -> Result<bool> {
    let place = (rule != RetentionRule::AuditEntries).then_some(HERE);
    let found = tx.has_old(rule, place, 10_000)?;
    let removed = tx.remove_old(rule, place, 10_000, 20, NOW)?;
    Ok(found && removed == 10 && !tx.has_old(rule, place, 10_000)?)
}

/// Every rule of retention, where thousands of rows stay.
const OLD: &[(&str, Call)] = &[
    ("source_answers", |tx| removes(tx, RetentionRule::SourceAnswers)),
    ("delivery_answers", |tx| removes(tx, RetentionRule::DeliveryAnswers)),
    ("events", |tx| removes(tx, RetentionRule::Events)),
    ("import_reports", |tx| removes(tx, RetentionRule::ImportReports)),
    ("loads", |tx| removes(tx, RetentionRule::Loads)),
    ("mark_loads, none", |tx| Ok(tx.mark_loads(HERE, 100)? > 0)),
    ("cohort_rows", |tx| removes(tx, RetentionRule::CohortRows)),
    ("lines", |tx| removes(tx, RetentionRule::Lines)),
    ("kept_answers", |tx| removes(tx, RetentionRule::KeptAnswers)),
    ("used_tokens", |tx| removes(tx, RetentionRule::UsedTokens)),
    ("connect_sessions", |tx| removes(tx, RetentionRule::ConnectSessions)),
    ("audit_entries", |tx| removes(tx, RetentionRule::AuditEntries)),
];

/// What takes some of a backlog that the planner does not know of.
const SURPRISED: &[(&str, Call)] = &[
    ("claim_first_deliveries", |tx| Ok(tx.claim_first_deliveries(NOW, NOW, 8, 9, 1)?.len() == 8)),
    ("claim_steady_deliveries", |tx| {
        Ok(tx.claim_steady_deliveries(NOW, NOW, 8, [NOW, NOW], 1)?.len() == 8)
    }),
    ("claim_deliveries", |tx| Ok(tx.claim_deliveries(NOW, NOW + SECOND, 8, 4, 1)?.len() == 8)),
    ("next_due deliveries", |tx| Ok(tx.next_due(Queue::Deliveries)?.is_some())),
];

/// The same on SQLite is `tables::retention_walks`, which counts what its machine does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_old_is_found_without_what_stays() {
    let rules: Vec<_> = RetentionRule::ALL.iter().map(|rule| rule.as_str()).collect();
    let tried: Vec<_> =
        OLD.iter().map(|(name, _)| *name).filter(|it| *it != "mark_loads, none").collect();
    assert_eq!(tried, rules, "a rule without a look at its plan");
    find_by_an_index(&[&retained(Dialect::Postgres), "analyze"], OLD).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_whole_table() {
    find_by_an_index(&[FUNCTIONS, FILL], CALLS).await;
}

/// Thousands of received files that were due before the only job that is none, and after the last one.
const FILES: &str = "
    truncate jobs;
    insert into jobs (kind, target_id, due_at, created_at, workspace_id)
        select case when n = 2500 then 'sync_link' else 'import_file' end, n, n, 0, 1
        from generate_series(1, 5000) n;
";

/// What looks for that one, and for the first of the files behind it.
const AMONG_FILES: &[(&str, Call)] = &[
    ("next_due jobs", |tx| Ok(tx.next_due(Queue::Jobs)? == Some(2_500))),
    ("is_crowded", |tx| tx.is_crowded(HERE, NOW, 1)),
    ("workspaces_to_refresh", |tx| Ok(tx.workspaces_to_refresh(NOW, 10)? == [(HERE, 9)])),
    // A lease that is over at once.
    ("claim_first_jobs", |tx| Ok(tx.claim_first_jobs(NOW, NOW, 8)?.len() == 1)),
    ("claim_jobs", |tx| Ok(tx.claim_jobs(NOW, NOW, 8)?.len() == 1)),
    ("next_file_in_reach", |tx| Ok(tx.next_file_in_reach(Some(uuid(1)))? == Some(1))),
    ("claim_files", |tx| Ok(tx.claim_files(NOW, NOW, 2, Some(uuid(1)))?.len() == 2)),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_found_among_all_files_that_wait() {
    find_by_an_index(&[FUNCTIONS, FILL, FILES], AMONG_FILES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_did_not_arrive_is_found_among_all_that_did() {
    find_by_an_index(&[FUNCTIONS, FILL, ARRIVED], RARE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backlog_is_taken_by_the_turns_of_its_endpoints_though_nothing_waited_before() {
    let fill = [FUNCTIONS, FILL, NOTHING_WAITS, "vacuum analyze deliveries", BACKLOG];
    find_by_an_index(&fill, SURPRISED).await;
}

async fn find_by_an_index(fill: &[&str], calls: &[(&str, Call)]) {
    let db = TestDatabase::postgres();
    db.store.clone().close().await;
    fill.iter().for_each(|sql| raw::run(&db, sql));
    let mut before = touched(&db).await;
    let mut guilty = Vec::new();
    for (name, call) in calls {
        // A connection reports what it touched at the latest when it ends.
        let options = vinculo_store::Options { postgres_lanes: 1, ..Default::default() };
        let store = Store::open(&db.target, &options).expect("does not open");
        let found = store.write(*call).await.expect("not run");
        assert_eq!(found, !name.ends_with(", none"), "whether {name} found something");
        store.close().await;
        let after = touched(&db).await;
        for ((table, was), (_, is)) in before.iter().zip(&after) {
            if is - was > FEW {
                guilty.push(format!("{name} touches {} rows of {table}", is - was));
            }
        }
        before = after;
    }
    assert!(guilty.is_empty(), "{guilty:#?}");
}

/// Rows and index entries read so far, of each table, once every connection has reported.
async fn touched(db: &TestDatabase) -> Vec<(String, i64)> {
    raw::until_alone(db).await;
    let sql = "select t.relname, t.seq_tup_read + coalesce(t.idx_tup_fetch, 0) + \
         coalesce((select sum(i.idx_tup_read) from pg_stat_user_indexes i \
         where i.relid = t.relid), 0) from pg_stat_user_tables t order by t.relname";
    let line = |row: &String| {
        let (table, count) = row.split_once('|').expect("two columns");
        (table.to_owned(), count.parse().expect("a number"))
    };
    raw::rows(db, sql).iter().map(line).collect()
}
