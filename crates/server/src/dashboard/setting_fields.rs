//! The settings as fields of a form: one table for what is shown and what is read.

use serde_json::{Map, Value};
use vinculo_store::Resource;

use super::data_words::Words;
use super::form::Form;

/// How a setting is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Tick,
    Choice(&'static [&'static str]),
    Text,
    Number,
    /// Words with a space between them.
    Words,
    /// Whole numbers with a space between them.
    Numbers,
    Resources,
}

/// A setting.
pub(super) struct Field {
    pub(super) name: &'static str,
    kind: Kind,
    group: fn(&Words) -> &'static str,
    pub(super) label: fn(&Words) -> &'static str,
}

/// A setting as the page shows it.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) kind: Kind,
    /// As a text field has it.
    pub(super) value: String,
    pub(super) ticked: bool,
    /// What can be chosen, and whether it is.
    pub(super) options: Vec<(&'static str, bool)>,
}

/// One row for each setting: its name, how it is written, its heading and its label.
macro_rules! fields {
    ($($name:ident: $kind:expr, $group:ident;)+) => {
        [$(Field {
            name: stringify!($name),
            kind: $kind,
            group: |d| d.$group,
            label: |d| d.$name,
        },)+]
    };
}

pub(super) static FIELDS: [Field; 20] = fields! {
    allow_duplicate_links: Kind::Tick, settings_links;
    accept_unknown_people: Kind::Tick, settings_links;
    include_drafts: Kind::Tick, settings_links;
    refresh_rate: Kind::Choice(&["6h", "12h", "24h", "7d", "30d"]), settings_links;
    fetch_resources: Kind::Resources, settings_links;
    source_policy: Kind::Choice(&["first", "all"]), settings_links;
    require_consent: Kind::Tick, settings_consent;
    lender_name: Kind::Text, settings_consent;
    lender_contact: Kind::Text, settings_consent;
    consent_purpose: Kind::Text, settings_consent;
    consent_months: Kind::Number, settings_consent;
    frame_ancestors: Kind::Words, settings_consent;
    webhook_retry_seconds: Kind::Numbers, settings_webhooks;
    keep_lines_months: Kind::Number, settings_kept;
    keep_source_answers_days: Kind::Number, settings_kept;
    keep_delivery_answers_days: Kind::Number, settings_kept;
    keep_events_days: Kind::Number, settings_kept;
    keep_import_reports_days: Kind::Number, settings_kept;
    keep_loads_days: Kind::Number, settings_kept;
    keep_cohort_rows_days: Kind::Number, settings_kept;
};

impl Field {
    /// The heading it stands under.
    pub(super) fn title(&self, d: &Words) -> &'static str {
        (self.group)(d)
    }

    /// The field with a value.
    pub(super) fn row(&self, d: &Words, value: &Value) -> Row {
        let words = words(value);
        let chosen = |option: &'static str| (option, words.iter().any(|word| word == option));
        let options = match self.kind {
            Kind::Choice(options) => options.iter().map(|option| chosen(option)).collect(),
            Kind::Resources => Resource::ALL.iter().map(|it| chosen(it.as_str())).collect(),
            _ => Vec::new(),
        };
        Row {
            name: self.name,
            label: (self.label)(d),
            kind: self.kind,
            value: words.join(" "),
            ticked: value == &Value::Bool(true),
            options,
        }
    }

    /// What a form gives for it. What is no number stays a text, and is refused as one.
    fn read(&self, form: &Form) -> Value {
        let given = form.get(self.name);
        let words = || given.split([' ', ',', '\n', '\r']).filter(|word| !word.is_empty());
        match self.kind {
            Kind::Tick => Value::from(given == "true"),
            Kind::Choice(_) | Kind::Text => Value::from(given),
            Kind::Number => number(given.trim()),
            Kind::Words => words().map(Value::from).collect(),
            Kind::Numbers => words().map(number).collect(),
            Kind::Resources => form.all(self.name).into_iter().map(Value::from).collect(),
        }
    }
}

fn words(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().map(text).collect(),
        other => vec![text(other)],
    }
}

/// What a form gives that is not what it was shown with: a setting that somebody else has changed
/// meanwhile stays changed.
pub(super) fn changed(
    given: &Map<String, Value>,
    shown: &Map<String, Value>,
) -> Map<String, Value> {
    let same = |name: &String, value: &Value| {
        shown.get(name).is_some_and(|shown| words(shown).join(" ") == words(value).join(" "))
    };
    let changed = given.iter().filter(|(name, value)| !same(name, value));
    changed.map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn number(text: &str) -> Value {
    text.parse::<i64>().map_or_else(|_| Value::from(text), Value::from)
}

/// Every setting as a form gives it, in the shape of the management API.
pub(super) fn of_form(form: &Form) -> Map<String, Value> {
    FIELDS.iter().map(|field| (field.name.to_owned(), field.read(form))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn every_setting_is_a_field() {
        let settings = serde_json::to_value(Settings::default()).unwrap();
        let mut all: Vec<_> = settings.as_object().unwrap().keys().map(String::as_str).collect();
        let mut named: Vec<_> = FIELDS.iter().map(|field| field.name).collect();
        all.sort_unstable();
        named.sort_unstable();
        assert_eq!(named, all);
    }
}
