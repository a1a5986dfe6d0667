//! No bytes and no JSON make a connector panic.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use vinculo_sources::{Connector, Received};

use super::{Tested, fixture, reader};
use crate::support::person;

const CODES: [&str; 7] =
    ["resolved", "no_data", "withheld", "retry_later", "invalid_input", "not_authorized", "fault"];

/// Values of every type, some of them absurd.
fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[0-9.,/ -]{0,24}".prop_map(Value::from),
        Just(json!([])),
        Just(json!([null, 1, "x", [], {}])),
        Just(json!({})),
        Just(json!({ "message": "x" })),
    ]
}

/// Every place in a value.
fn places(value: &Value, path: &str, into: &mut Vec<String>) {
    into.push(path.to_owned());
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| places(value, &format!("{path}/{key}"), into));
        }
        Value::Array(list) => {
            let entries = list.iter().enumerate();
            entries.for_each(|(index, value)| places(value, &format!("{path}/{index}"), into));
        }
        _ => {}
    }
}

pub(super) fn nothing_panics<T: Tested>() {
    let connector = reader::<T>();
    let read = |status: u16, content_type: Option<&str>, body: &[u8]| {
        let reading = connector.read(Received { status, content_type, body }, &person());
        prop_assert!(CODES.contains(&reading.outcome.code()));
        Ok(())
    };
    let config = Config { failure_persistence: None, ..Config::with_cases(300) };
    let mut runner = TestRunner::new(config.clone());
    let bytes = (
        100_u16..700,
        proptest::option::of(".{0,40}"),
        proptest::collection::vec(any::<u8>(), 0..300),
    );
    runner
        .run(&bytes, |(status, content_type, body)| read(status, content_type.as_deref(), &body))
        .expect("no bytes panic");

    let answers: Vec<Value> = T::table()
        .iter()
        .map(|case| serde_json::from_slice(&fixture::<T>(case.file)).expect("JSON"))
        .collect();
    let changes = proptest::collection::vec((any::<Index>(), anything()), 1..4);
    let mut runner = TestRunner::new(Config { cases: 1_000, ..config });
    runner
        .run(&(any::<Index>(), changes, 100_u16..700), |(answer, changes, status)| {
            let mut answer = answer.get(&answers).clone();
            for (place, value) in changes {
                let mut all = Vec::new();
                places(&answer, "", &mut all);
                let place: &String = place.get(&all);
                if let Some(place) = answer.pointer_mut(place) {
                    *place = value;
                }
            }
            let body = answer.to_string();
            read(200, None, body.as_bytes())?;
            read(status, None, body.as_bytes())
        })
        .expect("no JSON panics");
}
