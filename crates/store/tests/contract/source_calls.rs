use crate::fixture::{ALL, NOW, SECOND, index, person, read, sealed, uuid, workspaces, write};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{
    CallKind, Micros, NewSourceCall, PageRequest, Purpose, SourceCallId, Usage, WorkspaceId,
};
use vinculo_vault::BlindIndex;

on_both_databases! {
    an_answer_is_kept_with_its_call,
    a_call_may_know_little,
    calls_are_counted_per_workspace_and_document,
    calls_about_a_document_say_under_which_consent,
    calls_about_a_person_are_listed,
    answers_are_found_from_a_call_or_a_moment_on,
    usage_is_counted_by_source_kind_and_outcome,
    the_cost_of_a_source_is_that_of_all_workspaces,
}

pub(crate) fn call(workspace: WorkspaceId, document: &BlindIndex, n: u64) -> NewSourceCall<'_> {
    NewSourceCall {
        uuid: uuid(n),
        workspace,
        subject: None,
        document,
        source: "ach",
        purpose: Purpose::Check,
        kind: CallKind::Individual,
        outcome: "no_data",
        reason: None,
        http_status: None,
        raw_code: None,
        duration_us: 1_500,
        billed: "unknown",
        cost: 0,
        payload: None,
        created_at: NOW,
        consent: None,
    }
}

async fn calls_about_a_document_say_under_which_consent(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    write(&db, move |tx| {
        tx.insert_source_call(&call(here, &index(50), 30))?;
        tx.insert_source_call(&call(here, &index(51), 31))?;
        tx.insert_source_call(&call(there, &index(50), 32))?;
        let (consent, created_at) = (Some(uuid(9)), NOW + 1);
        let purpose = Purpose::Load;
        tx.insert_source_call(&NewSourceCall {
            consent,
            created_at,
            purpose,
            ..call(here, &index(50), 33)
        })
    })
    .await;
    let calls = read(&db, move |tx| tx.source_calls_about(here, &index(50))).await;
    let told: Vec<_> = calls.iter().map(|call| (call.uuid, call.purpose, call.consent)).collect();
    assert_eq!(
        told,
        [(uuid(33), Purpose::Load, Some(uuid(9))), (calls[1].uuid, Purpose::Check, None)]
    );
}

async fn an_answer_is_kept_with_its_call(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let id = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        tx.insert_source_call(&NewSourceCall {
            subject: Some(subject),
            purpose: Purpose::Load,
            outcome: "resolved",
            reason: Some("found"),
            http_status: Some(200),
            raw_code: Some("A0"),
            billed: "yes",
            payload: Some(&sealed(8)),
            ..call(here, &index(50), 30)
        })
    })
    .await;
    let kept = read(&db, move |tx| tx.source_payload(id)).await.expect("not kept");
    assert_eq!(
        (kept.uuid, kept.source.as_str(), kept.outcome.as_str()),
        (uuid(30), "ach", "resolved")
    );
    assert_eq!((kept.payload, kept.created_at), (Some(sealed(8)), NOW));
    write(&db, move |tx| tx.forget_payload(id)).await;
    let kept = read(&db, move |tx| tx.source_payload(id)).await.expect("the call itself");
    assert_eq!(kept.payload, None);
    let rest = "select purpose, outcome, reason, raw_code, duration_us, billed from source_calls";
    assert_eq!(raw::rows(&db, rest), ["load|resolved|found|A0|1500|yes"]);
}

async fn a_call_may_know_little(db: TestDatabase) {
    let (here, _) = workspaces(&db).await;
    let id = write(&db, move |tx| tx.insert_source_call(&call(here, &index(50), 30))).await;
    let kept = read(&db, move |tx| tx.source_payload(id)).await.expect("not kept");
    assert_eq!(kept.payload, None);
    let other = SourceCallId(id.0 + 1);
    assert!(read(&db, move |tx| tx.source_payload(other)).await.is_none());
}

async fn calls_are_counted_per_workspace_and_document(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    write(&db, move |tx| {
        for n in 0..3 {
            tx.insert_source_call(&call(here, &index(50), n))?;
        }
        tx.insert_source_call(&call(here, &index(51), 10))?;
        tx.insert_source_call(&call(there, &index(50), 11))
    })
    .await;
    for (workspace, document, count) in
        [(here, 50, 3), (here, 51, 1), (there, 50, 1), (there, 51, 0)]
    {
        let counted = read(&db, move |tx| tx.count_source_calls(workspace, &index(document))).await;
        assert_eq!(counted, count);
    }
}

async fn calls_about_a_person_are_listed(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let (subject, other) = write(&db, move |tx| {
        let (subject, other) = (person(tx, here, 50)?.id, person(tx, here, 51)?.id);
        for (n, at) in [(1, NOW), (2, NOW + SECOND), (3, NOW + SECOND)] {
            tx.insert_source_call(&NewSourceCall {
                subject: Some(subject),
                kind: CallKind::Bulk,
                outcome: "fault",
                reason: Some("why"),
                http_status: Some(502),
                raw_code: Some("99"),
                cost: 1_200,
                payload: (n == 2).then(|| sealed(n)).as_ref(),
                created_at: at,
                ..call(here, &index(50), n)
            })?;
        }
        tx.insert_source_call(&NewSourceCall {
            subject: Some(other),
            ..call(here, &index(51), 4)
        })?;
        Ok((subject, other))
    })
    .await;
    let all = read(&db, move |tx| tx.source_calls(here, subject, ALL)).await;
    let uuids: Vec<_> = all.rows.iter().map(|call| call.uuid).collect();
    assert_eq!((all.count, uuids), (3, vec![uuid(3), uuid(2), uuid(1)]));
    let kept: Vec<_> = all.rows.iter().map(|call| call.has_payload).collect();
    assert_eq!(kept, [false, true, false]);
    let second = PageRequest { limit: 1, offset: 1 };
    let page = read(&db, move |tx| tx.source_calls(here, subject, second)).await;
    assert_eq!((page.count, &page.rows[..]), (3, &all.rows[1..2]));
    let found = read(&db, move |tx| tx.source_call(here, subject, uuid(2))).await;
    let found = found.expect("not found");
    assert_eq!(found, all.rows[1]);
    assert_eq!((found.purpose, found.kind, found.cost), (Purpose::Check, CallKind::Bulk, 1_200));
    assert_eq!((found.outcome.as_str(), found.reason.as_deref()), ("fault", Some("why")));
    assert_eq!((found.http_status, found.raw_code.as_deref()), (Some(502), Some("99")));
    assert_eq!((found.duration_us, found.billed.as_str()), (1_500, "unknown"));
    assert_eq!((found.source.as_str(), found.created_at), ("ach", NOW + SECOND));
    for (workspace, subject, n) in [(there, subject, 2), (here, other, 2), (here, subject, 9)] {
        let none = read(&db, move |tx| tx.source_call(workspace, subject, uuid(n))).await;
        assert_eq!(none, None);
    }
    assert_eq!(read(&db, move |tx| tx.source_calls(there, subject, ALL)).await.count, 0);
}

async fn answers_are_found_from_a_call_or_a_moment_on(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    let outcomes = ["resolved", "no_data", "retry_later", "fault", "resolved"];
    let (subject, ids) = write(&db, move |tx| {
        let subject = person(tx, here, 50)?.id;
        let mut ids = Vec::new();
        for (n, outcome) in (0_i64..).zip(outcomes) {
            ids.push(tx.insert_source_call(&NewSourceCall {
                subject: Some(subject),
                outcome,
                payload: (outcome == "resolved").then(|| sealed(8)).as_ref(),
                created_at: NOW + n * SECOND,
                ..call(here, &index(50), n.unsigned_abs())
            })?);
        }
        tx.insert_source_call(&NewSourceCall { outcome: "resolved", ..call(here, &index(51), 9) })?;
        Ok((subject, ids))
    })
    .await;
    let answered = [ids[0], ids[1], ids[4]];
    for (first, left) in [(0, &answered[..]), (1, &answered[1..]), (2, &answered[2..])] {
        let (from, since) = (ids[first], NOW + i64::try_from(first).expect("few") * SECOND);
        let by_call = read(&db, move |tx| tx.answers_from(subject, from)).await;
        let by_time = read(&db, move |tx| tx.answers_since(here, &index(50), since)).await;
        for answers in [by_call, by_time] {
            let found: Vec<_> = answers.iter().map(|answer| answer.id).collect();
            assert_eq!(found, left);
            assert_eq!(answers.last().expect("an answer").payload, Some(sealed(8)));
        }
    }
    assert!(read(&db, move |tx| tx.answers_since(there, &index(50), 0)).await.is_empty());
}

async fn usage_is_counted_by_source_kind_and_outcome(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    write(&db, move |tx| {
        let mut add = |workspace, who, n, source, outcome, cost, at| {
            let document = if who == 0 {
                BlindIndex::from_bytes(&[0; 32]).expect("32 bytes")
            } else {
                index(who)
            };
            let made = NewSourceCall {
                source,
                outcome,
                cost,
                created_at: at,
                ..call(workspace, &document, n)
            };
            tx.insert_source_call(&made)
        };
        add(here, 50, 1, "ach", "resolved", 1_200, NOW)?;
        add(here, 50, 2, "ach", "resolved", 1_200, NOW)?;
        add(here, 51, 3, "ach", "resolved", 1_200, NOW + SECOND)?;
        // Erased since.
        add(here, 0, 4, "ach", "resolved", 1_200, NOW + SECOND)?;
        add(here, 52, 5, "ach", "no_data", 0, NOW)?;
        add(here, 50, 6, "planillas", "resolved", 0, NOW)?;
        add(here, 50, 7, "ach", "resolved", 1_200, NOW - 1)?;
        add(here, 50, 8, "ach", "resolved", 1_200, NOW + 2 * SECOND)?;
        add(there, 50, 9, "ach", "resolved", 1_200, NOW)
    })
    .await;
    let of = |source: &str, outcome: &str, (calls, cost, people), last_at| Usage {
        source: source.to_owned(),
        kind: CallKind::Individual,
        outcome: outcome.to_owned(),
        calls,
        cost,
        people,
        last_at,
    };
    let used = read(&db, move |tx| tx.source_usage(here, NOW, NOW + 2 * SECOND)).await;
    let expected = [
        of("ach", "no_data", (1, 0, 1), NOW),
        of("ach", "resolved", (4, 4_800, 2), NOW + SECOND),
        of("planillas", "resolved", (1, 0, 1), NOW),
    ];
    assert_eq!(used, expected);
    assert!(read(&db, move |tx| tx.source_usage(here, 0, 1)).await.is_empty());
    let outcomes = read(&db, move |tx| tx.source_outcomes(here, NOW, NOW + 2 * SECOND)).await;
    let of = |outcome: &str, calls, cost| (outcome.to_owned(), calls, cost);
    assert_eq!(outcomes, [of("no_data", 1, 0), of("resolved", 5, 4_800)]);
    assert!(read(&db, move |tx| tx.source_outcomes(here, 0, 1)).await.is_empty());
}

async fn the_cost_of_a_source_is_that_of_all_workspaces(db: TestDatabase) {
    let (here, there) = workspaces(&db).await;
    write(&db, move |tx| {
        for (n, workspace, at) in [(1, here, NOW - 1), (2, here, NOW), (3, there, NOW + SECOND)] {
            let document = index(n);
            let made = NewSourceCall {
                cost: 100 + n.cast_signed(),
                created_at: at,
                ..call(workspace, &document, n)
            };
            tx.insert_source_call(&made)?;
        }
        Ok(())
    })
    .await;
    let end = Micros::MAX;
    for (source, from, before, cost) in [
        ("ach", NOW - 1, end, 306),
        ("ach", NOW, end, 205),
        ("ach", NOW - 1, NOW + SECOND, 203),
        ("ach", NOW, NOW, 0),
        ("ach", NOW + 2 * SECOND, end, 0),
        ("other", 0, end, 0),
    ] {
        let found = read(&db, move |tx| tx.source_cost(source, from, before)).await;
        assert_eq!(found, cost, "{source} {from} {before}");
    }
}
