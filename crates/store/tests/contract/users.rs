use uuid::Uuid;
use vinculo_store::{Error, Micros, NewUser, Tx, UserId, UserRole};

use crate::fixture::{ALL, NOW, SECOND, index, read, refused, sealed, uuid, write};
use crate::support::{TestDatabase, on_both_databases};

on_both_databases! {
    a_user_is_found_by_the_address,
    users_are_those_of_an_organization,
    an_invitation_is_for_one_use_and_ends,
    a_session_ends,
    a_form_is_used_once,
    codes_are_asked_for_once_confirmed,
    a_code_is_taken_once,
}

fn add(tx: &mut Tx<'_>, organization: u64, n: u64) -> vinculo_store::Result<UserId> {
    let known = tx.organizations()?.into_iter().find(|one| one.uuid == uuid(organization));
    let organization = match known {
        Some(known) => known.id,
        None => tx.insert_organization(uuid(organization), "made up", NOW)?,
    };
    tx.insert_user(&NewUser {
        uuid: uuid(n),
        organization,
        role: UserRole::Developer,
        email_index: &index(n),
        created_at: NOW,
        sealed: &sealed(n),
    })
}

async fn a_user_is_found_by_the_address(db: TestDatabase) {
    let id = write(&db, |tx| add(tx, 1, 10)).await;
    assert!(!read(&db, |tx| tx.has_passwords()).await);
    let error = refused(&db, |tx| add(tx, 2, 10)).await;
    assert!(matches!(error, Error::Conflict(_)), "{error}");
    let find = || read(&db, |tx| tx.user_by_email(&index(10)));
    let user = find().await.expect("no user");
    assert_eq!((user.id, user.uuid, user.organization), (id, uuid(10), uuid(1)));
    assert_eq!((user.organization_name.as_str(), user.role), ("made up", UserRole::Developer));
    assert_eq!((user.password, user.language, user.disabled_at), (None, None, None));
    assert_eq!((user.created_at, user.sealed), (NOW, sealed(10)));
    write(&db, move |tx| {
        tx.set_user_password(id, Some("$hash"))?;
        tx.set_user_language(id, "es")?;
        tx.set_user_disabled(id, Some(NOW + SECOND))
    })
    .await;
    assert!(read(&db, |tx| tx.has_passwords()).await, "of a disabled user too");
    let user = find().await.expect("no user");
    assert_eq!((user.password.as_deref(), user.language.as_deref()), (Some("$hash"), Some("es")));
    assert_eq!(user.disabled_at, Some(NOW + SECOND));
    write(&db, move |tx| {
        tx.set_user_password(id, None)?;
        tx.set_user_disabled(id, None)
    })
    .await;
    let user = find().await.expect("no user");
    assert_eq!((user.password, user.disabled_at), (None, None));
    assert!(read(&db, |tx| tx.user_by_email(&index(11))).await.is_none());
}

async fn users_are_those_of_an_organization(db: TestDatabase) {
    for (organization, n) in [(1, 10), (2, 20), (1, 11)] {
        write(&db, move |tx| add(tx, organization, n)).await;
    }
    for (organization, expected) in [
        (None, vec![uuid(10), uuid(20), uuid(11)]),
        (Some(uuid(1)), vec![uuid(10), uuid(11)]),
        (Some(uuid(9)), vec![]),
    ] {
        let page = read(&db, move |tx| tx.users(organization, ALL)).await;
        let rows: Vec<_> = page.rows.iter().map(|user| user.uuid).collect();
        assert_eq!((page.count, &rows), (expected.len() as i64, &expected));
    }
    let names: Vec<_> = read(&db, |tx| tx.organizations()).await;
    let names: Vec<_> = names.iter().map(|one| (one.uuid, one.name.as_str())).collect();
    assert_eq!(names, [(uuid(1), "made up"), (uuid(2), "made up")]);
}

/// Who is invited: an inner `None` is nobody known.
async fn invited(db: &TestDatabase, n: u64, at: Micros) -> Option<Option<Uuid>> {
    let found = read(db, move |tx| tx.invitation(&index(n), at)).await;
    found.map(|user| user.map(|user| user.uuid))
}

/// Whose session it is, since when, and when it was last used.
async fn live(db: &TestDatabase, n: u64) -> Option<(Uuid, Micros, Micros)> {
    let session = read(db, move |tx| tx.session(&index(n))).await;
    session.map(|it| (it.user.uuid, it.created_at - NOW, it.seen_at - NOW))
}

async fn an_invitation_is_for_one_use_and_ends(db: TestDatabase) {
    let id = write(&db, |tx| add(tx, 1, 10)).await;
    let end = NOW + SECOND;
    write(&db, move |tx| {
        tx.put_invitation(None, &index(1), (NOW, end))?;
        tx.put_invitation(None, &index(2), (NOW, end))?;
        tx.put_invitation(Some(id), &index(3), (NOW, end))?;
        tx.put_invitation(Some(id), &index(4), (NOW, end))
    })
    .await;
    assert_eq!(invited(&db, 2, NOW).await, Some(None));
    assert_eq!(invited(&db, 4, NOW).await, Some(Some(uuid(10))));
    for replaced in [1, 3, 5] {
        assert_eq!(invited(&db, replaced, NOW).await, None);
    }
    assert_eq!((invited(&db, 2, end).await, invited(&db, 4, end).await), (None, None));
    assert!(write(&db, |tx| tx.take_invitation(&index(4))).await);
    assert!(!write(&db, |tx| tx.take_invitation(&index(4))).await);
    assert_eq!((invited(&db, 4, NOW).await, invited(&db, 2, NOW).await), (None, Some(None)));
    write(&db, move |tx| tx.put_invitation(Some(id), &index(5), (end, end + SECOND))).await;
    assert_eq!(invited(&db, 2, NOW).await, None, "what is over is not kept");
}

async fn a_session_ends(db: TestDatabase) {
    let (one, two) = write(&db, |tx| Ok((add(tx, 1, 10)?, add(tx, 1, 11)?))).await;
    write(&db, move |tx| {
        for (n, user, at) in
            [(1, one, NOW), (2, one, NOW + SECOND), (3, two, NOW), (4, two, NOW), (5, two, NOW)]
        {
            tx.insert_session(&index(n), user, at)?;
        }
        tx.touch_session(&index(4), NOW + 5 * SECOND)?;
        tx.touch_session(&index(4), NOW + 2 * SECOND)
    })
    .await;
    assert_eq!(live(&db, 2).await, Some((uuid(10), SECOND, SECOND)));
    assert_eq!(live(&db, 4).await, Some((uuid(11), 0, 5 * SECOND)));
    write(&db, |tx| tx.end_session(&index(5))).await;
    assert_eq!((live(&db, 5).await, live(&db, 6).await), (None, None));
    write(&db, move |tx| tx.set_user_disabled(two, Some(NOW))).await;
    assert_eq!(live(&db, 4).await, None, "a disabled user has no session");
    write(&db, move |tx| tx.set_user_disabled(two, None)).await;
    write(&db, |tx| tx.forget_sessions(NOW + SECOND, NOW)).await;
    let left = (
        live(&db, 1).await,
        live(&db, 2).await.is_some(),
        live(&db, 3).await,
        live(&db, 4).await.is_some(),
    );
    assert_eq!(left, (None, true, None, true));
    write(&db, |tx| tx.forget_sessions(NOW, NOW + SECOND)).await;
    assert_eq!((live(&db, 4).await, live(&db, 2).await.is_some()), (None, true));
    write(&db, move |tx| tx.end_sessions_of(one)).await;
    assert_eq!(live(&db, 2).await, None);
}

async fn a_form_is_used_once(db: TestDatabase) {
    let user = write(&db, |tx| add(tx, 1, 10)).await;
    write(&db, move |tx| {
        tx.insert_session(&index(1), user, NOW)?;
        tx.insert_session(&index(2), user, NOW)
    })
    .await;
    let uses = async |session, form| {
        write(&db, move |tx| tx.use_form(&index(session), &index(form))).await
    };
    assert!(uses(1, 7).await && !uses(1, 7).await);
    assert!(uses(1, 8).await && uses(2, 7).await);
    assert!(!uses(3, 7).await, "there is no such session");
    write(&db, move |tx| tx.end_other_sessions(user, &index(2))).await;
    assert_eq!((live(&db, 1).await, live(&db, 2).await.is_some()), (None, true));
    write(&db, move |tx| tx.insert_session(&index(1), user, NOW)).await;
    assert!(uses(1, 7).await && !uses(2, 7).await, "what a session has used goes with it");
}

async fn codes_are_asked_for_once_confirmed(db: TestDatabase) {
    let user = write(&db, |tx| add(tx, 1, 10)).await;
    let other = write(&db, |tx| add(tx, 1, 11)).await;
    let found = async || read(&db, move |tx| tx.second_factor(user)).await;
    assert!(found().await.is_none());
    let begin = async |n| write(&db, move |tx| tx.begin_second_factor(user, &sealed(n))).await;
    let confirm = async |user, codes: Vec<u64>| {
        let codes: Vec<_> = codes.into_iter().map(index).collect();
        write(&db, move |tx| tx.confirm_second_factor(user, &codes, NOW)).await
    };
    assert!(!confirm(user, vec![1]).await, "nothing was set up");
    assert!(begin(20).await && begin(21).await);
    let factor = found().await.expect("a second factor");
    assert_eq!((factor.confirmed_at, factor.sealed), (None, sealed(21)));
    assert!(confirm(user, vec![1, 2]).await && !confirm(user, vec![3]).await);
    assert!(!begin(22).await, "what is asked for is not replaced");
    let factor = found().await.expect("a second factor");
    assert_eq!((factor.confirmed_at, factor.sealed), (Some(NOW), sealed(21)));
    let left = async || read(&db, move |tx| tx.recovery_codes_left(user)).await;
    assert_eq!(left().await, 2);
    let take = async |user, n| write(&db, move |tx| tx.take_recovery_code(user, &index(n))).await;
    assert!(!take(other, 1).await && !take(user, 3).await);
    assert!(take(user, 1).await && !take(user, 1).await);
    assert_eq!(left().await, 1);
    let drop = async |user| write(&db, move |tx| tx.drop_second_factor(user)).await;
    assert!(!drop(other).await && drop(user).await && !drop(user).await);
    assert!(found().await.is_none());
    assert_eq!(left().await, 0);
    assert!(begin(23).await && !drop(user).await && found().await.is_none());
}

async fn a_code_is_taken_once(db: TestDatabase) {
    let user = write(&db, |tx| add(tx, 1, 10)).await;
    let take = async |step| write(&db, move |tx| tx.take_step(user, step)).await;
    assert!(!take(5).await, "there is nothing to take it of");
    write(&db, move |tx| tx.begin_second_factor(user, &sealed(20))).await;
    assert!(take(5).await && !take(5).await && !take(4).await && take(6).await);
}
