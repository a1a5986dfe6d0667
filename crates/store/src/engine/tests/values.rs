use super::with_notes;
use crate::support::{TestDatabase, on_both_databases};
use crate::{Error, Result, Value};
use uuid::Uuid;

on_both_databases! {
    values_come_back,
    nulls_fit_every_column,
    a_wrong_column_is_named,
    no_row_where_one_must_be,
    parameters_may_be_used_twice_and_in_any_order,
    secrets_are_not_in_errors,
}

const COLUMNS: &str = "insert into notes (id, body, number, raw, flag, tag) values \
     ($1, $2, $3, $4, $5, $6) returning number, raw, flag, tag, body";
const TAG: Uuid = Uuid::from_u128(0x1234_5678_9abc_4def_8123_4567_89ab_cdef);

async fn values_come_back(db: TestDatabase) {
    with_notes(&db).await;
    let read: Result<_> = db
        .store
        .write(|tx| {
            let raw = [0_u8, 255, 39];
            let params = [
                1.into(),
                "Ñandú '$1' \u{1F33B}".into(),
                i64::MIN.into(),
                (&raw).into(),
                true.into(),
                TAG.into(),
            ];
            tx.query_one(COLUMNS, &params, |row| {
                Ok((row.int(0)?, row.bytes(1)?, row.bool(2)?, row.uuid(3)?, row.text(4)?))
            })
        })
        .await;
    let expected = (i64::MIN, vec![0, 255, 39], true, TAG, "Ñandú '$1' \u{1F33B}".to_owned());
    assert_eq!(read.expect("not written"), expected);
}

async fn nulls_fit_every_column(db: TestDatabase) {
    with_notes(&db).await;
    let nulls: Result<_> = db
        .store
        .write(|tx| {
            let nothing: Option<&str> = None;
            let params =
                [1.into(), "x".into(), Value::Null, Value::Null, nothing.into(), Value::Null];
            tx.query_one(COLUMNS, &params, |row| {
                Ok((row.opt_int(0)?, row.opt_bytes(1)?, row.opt_bool(2)?, row.opt_uuid(3)?))
            })
        })
        .await;
    assert_eq!(nulls.expect("not written"), (None, None, None, None));
}

async fn a_wrong_column_is_named(db: TestDatabase) {
    with_notes(&db).await;
    let read: Result<()> = db
        .store
        .write(|tx| {
            let params = [1.into(), "x".into(), Value::Null, Value::Null, Value::Null, Value::Null];
            tx.query_one(COLUMNS, &params, |row| {
                let null = row.int(0).expect_err("null read as a number").to_string();
                assert!(null.contains("number") && null.contains("null"), "{null}");
                let other = row.uuid(4).expect_err("text read as a uuid").to_string();
                assert!(other.contains("body") && other.contains("uuid"), "{other}");
                assert!(row.opt_text(9).is_err());
                Ok(())
            })
        })
        .await;
    read.expect("not written");
}

async fn no_row_where_one_must_be(db: TestDatabase) {
    with_notes(&db).await;
    let read: Result<i64> =
        db.store.read(|tx| tx.query_one("select id from notes", &[], |row| row.int(0))).await;
    assert!(matches!(read, Err(Error::Answer { .. })), "{read:?}");
    let read = db.store.read(|tx| tx.query_opt("select id from notes", &[], |row| row.int(0)));
    assert_eq!(read.await.expect("not read"), None);
}

async fn parameters_may_be_used_twice_and_in_any_order(db: TestDatabase) {
    with_notes(&db).await;
    let read: Result<_> = db
        .store
        .read(|tx| {
            let sql = "select cast($2 as text), cast($1 as bigint), cast($2 as text)";
            tx.query_one(sql, &[7.into(), "b".into()], |row| {
                Ok((row.text(0)?, row.int(1)?, row.text(2)?))
            })
        })
        .await;
    assert_eq!(read.expect("not read"), ("b".to_owned(), 7, "b".to_owned()));
}

async fn secrets_are_not_in_errors(db: TestDatabase) {
    const SECRET: &str = "1999000017 Nombre Sintético";
    with_notes(&db).await;
    let insert = "insert into notes (id, body) values ($1, $2)";
    let mut errors: Vec<Error> = Vec::new();
    for (sql, twice) in [
        (insert, true),
        ("insert into notes (id, body, number) select $1, null, length($2)", false),
        (
            "insert into notes (id, body, number) values ($1, $2, cast(cast($2 as text) as bigint))",
            false,
        ),
        ("insert into notes (id, boddy) values ($1, $2)", false),
        ("update notes set id = $2 where id = $1", false),
    ] {
        let outcome: Result<u64> = db
            .store
            .write(move |tx| {
                if twice {
                    tx.execute(insert, &[2.into(), SECRET.into()])?;
                }
                tx.execute(sql, &[1.into(), SECRET.into()])
            })
            .await;
        errors.extend(outcome.err());
    }
    assert!(errors.len() >= 4, "the statements were meant to fail: {errors:?}");
    assert!(errors.iter().any(|error| matches!(error, Error::Conflict(_))));
    for error in &errors {
        let mut shown = format!("{error} {error:?}");
        let mut source = std::error::Error::source(error);
        while let Some(inner) = source {
            shown.push_str(&format!(" {inner} {inner:?}"));
            source = inner.source();
        }
        assert!(!shown.contains("1999000017") && !shown.contains("Nombre"), "{shown}");
    }
}
