//! `vinculo demo`: what a visitor sees first.

use regex::Regex;

use crate::support::{finished, vinculo};

#[test]
fn the_guide_is_played_and_nothing_is_left() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let played = finished(&mut vinculo(folder.path(), ["demo"]));
    assert_eq!(played.stderr, "");
    let told = redacted(&in_a_fixed_order(&played.accepted()));
    insta::assert_snapshot!(told);
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("a folder").collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Webhooks come in any order; here the one about employments comes first.
fn in_a_fixed_order(told: &str) -> String {
    const START: &str = "<- POST /webhooks\n";
    let pieces: Vec<&str> = told.split(START).collect();
    let [before, first, rest] = pieces[..] else { panic!("two webhooks, not {}", pieces.len()) };
    let (second, after) = rest.split_once("\n\n").expect("a next step");
    let second = format!("{second}\n");
    let (one, two) = if first.contains("total_employments") {
        (first, second.as_str())
    } else {
        (second.as_str(), first)
    };
    format!("{before}{START}{one}{START}{two}\n{after}")
}

/// Without what differs between two runs, and between two months.
fn redacted(told: &str) -> String {
    let mut told = told.to_owned();
    for (pattern, name) in [
        (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "[uuid]"),
        (r#""webhook_id": "[0-9a-f]{32}""#, r#""webhook_id": "[hex]""#),
        (r"127\.0\.0\.1:\d+", "[address]"),
        (r"(Secret Password) \S{43}\n", "$1 [password]\n"),
        (r#"("institution_user_id"): "[\w-]{43}=""#, r#"$1: "[hash]""#),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "[time]"),
        (r"… \d+ more lines", "… [n] more lines"),
        (r" +\d+ +\$\d[\d.]+ +\$\d[\d.]+  [▁▂▃▄▅▆▇█]{24}\n", " [months] [gross] [net] [24 bars]\n"),
    ] {
        let pattern = Regex::new(pattern).expect("a pattern");
        told = pattern.replace_all(&told, name).into_owned();
    }
    told
}
