use crate::fixture::{NOW, index, person, read, sealed, uuid, workspaces, write};
use crate::raw;
use crate::support::{TestDatabase, on_both_databases};
use vinculo_store::{NewSourceCall, Purpose, SourceCall, SourceCallId, WorkspaceId};
use vinculo_vault::BlindIndex;

on_both_databases! {
    an_answer_is_kept_with_its_call,
    a_call_may_know_little,
    calls_are_counted_per_workspace_and_document,
    calls_about_a_document_say_under_which_consent,
}

pub(crate) fn call(workspace: WorkspaceId, document: &BlindIndex, n: u64) -> NewSourceCall<'_> {
    NewSourceCall {
        uuid: uuid(n),
        workspace,
        subject: None,
        document,
        source: "ach",
        purpose: Purpose::Check,
        outcome: "no_data",
        reason: None,
        http_status: None,
        raw_code: None,
        duration_us: 1_500,
        billed: "unknown",
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
    let first = SourceCall {
        uuid: uuid(30),
        source: "ach".to_owned(),
        purpose: Purpose::Check,
        outcome: "no_data".to_owned(),
        created_at: NOW,
        consent: None,
    };
    let second = SourceCall {
        uuid: uuid(33),
        purpose: Purpose::Load,
        created_at: NOW + 1,
        consent: Some(uuid(9)),
        ..first.clone()
    };
    let calls = read(&db, move |tx| tx.source_calls_about(here, &index(50))).await;
    assert_eq!(calls, [second, first]);
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
