//! The table of rules in `docs/PILA.md`.

use vinculo_pila::planilla::{self, RuleInfo, Severity};

const DOCUMENT: &str = include_str!("../../../../docs/PILA.md");

/// Fields are named while a row stays readable; the layouts name all of them.
const NAMED: usize = 3;

fn fields(rule: &RuleInfo) -> String {
    let all: Vec<_> = rule.fields().collect();
    let mut groups = Vec::new();
    for record in ["header", "detail", "payer"] {
        let here = all.iter().filter(|place| place.record == record).map(|place| place.field);
        let here: Vec<String> = if all.len() > NAMED {
            ranges(here.map(|field| field.number))
        } else {
            here.map(|field| format!("{} `{}` ({})", field.number, field.name_en, field.name_es))
                .collect()
        };
        if !here.is_empty() {
            groups.push(format!("{record} {}", here.join(", ")));
        }
    }
    if groups.is_empty() { "the file, or a line".to_owned() } else { groups.join("; ") }
}

/// Numbers in order, three or more in a row as a range.
fn ranges(numbers: impl Iterator<Item = u16>) -> Vec<String> {
    let mut runs: Vec<(u16, u16)> = Vec::new();
    for number in numbers {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => runs.push((number, number)),
        }
    }
    let words = |(first, last): (u16, u16)| match last - first {
        0 => first.to_string(),
        1 => format!("{first}, {last}"),
        _ => format!("{first} to {last}"),
    };
    runs.into_iter().map(words).collect()
}

fn table() -> String {
    let mut table = "\
| rule | severity | what a finding says | expected | fields | source |
|---|---|---|---|---|---|
"
    .to_owned();
    for rule in planilla::rules() {
        let severity = match rule.severities {
            [Severity::Error] if rule.overridable() => "error, can be allowed",
            [Severity::Error] => "error",
            [Severity::Warning] => "warning",
            _ if rule.overridable() => "error or warning, can be allowed",
            _ => "error or warning",
        };
        table.push_str(&format!(
            "| `{}` | {severity} | {} | {} | {} | {} |\n",
            rule.code,
            rule.meaning.trim_end_matches('.'),
            rule.expected,
            fields(rule),
            rule.article(),
        ));
    }
    table
}

#[test]
fn the_document_has_the_table_of_rules() {
    let (_, rest) = DOCUMENT.split_once("<!-- rules -->\n").unwrap();
    let (written, _) = rest.split_once("<!-- end of rules -->").unwrap();
    let table = table();
    assert!(written == table, "the table of rules in docs/PILA.md should be:\n{table}");
}

#[test]
fn the_document_names_only_rules_that_exist() {
    let habits = DOCUMENT.split("### Habits").nth(1).unwrap();
    let habits = habits.split("## From lines").next().unwrap();
    let answers = habits.lines().filter_map(|row| row.split("warning").nth(1));
    let named: Vec<&str> =
        answers.flat_map(|answer| answer.split('`').skip(1).step_by(2)).collect();
    assert!(named.len() > 10);
    for name in named {
        assert!(planilla::rules().any(|rule| rule.code == name), "{name}");
    }
}
