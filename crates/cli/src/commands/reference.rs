//! `vinculo reference`

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::{Arg, Args as _, Command, CommandFactory as _};

use crate::args::{Arguments, Database};

const INTRODUCTION: &str = "\
# Reference

Every setting but the two of `vinculo db copy`, as the program knows it: `vinculo reference` prints this
page, and a test compares them.
[CONFIGURATION.md](CONFIGURATION.md) says where settings come from and how they work together. A setting
without a flag is a secret: command lines can be read by others. A list has commas between its values; in
the file it is a list of texts, or of numbers.
";

/// Prints every setting as a Markdown document.
#[expect(clippy::print_stdout, reason = "the document is the command's answer")]
pub(crate) fn run() -> ExitCode {
    print!("{}", document());
    ExitCode::SUCCESS
}

fn document() -> String {
    let root = Arguments::command();
    let mut takers = BTreeMap::new();
    find_takers(&root, "", &mut takers);
    let database = Database::augment_args(Command::new(""));
    let shared: Vec<&Arg> = root.get_arguments().chain(database.get_arguments()).collect();
    let mut seen: Vec<&str> = shared.iter().map(|arg| arg.get_id().as_str()).collect();
    let mut text = INTRODUCTION.to_owned();
    table(&mut text, "## Every command that opens an installation", &shared, None);
    // `serve` has most of them, so it comes first.
    let mut commands: Vec<&Command> = root.get_subcommands().collect();
    commands.sort_by_key(|command| command.get_name() != "serve");
    for command in commands {
        let own: Vec<&Arg> =
            command.get_arguments().filter(|arg| !seen.contains(&arg.get_id().as_str())).collect();
        seen.extend(own.iter().map(|arg| arg.get_id().as_str()));
        let mut headings: Vec<_> = own.iter().map(|arg| arg.get_help_heading()).collect();
        headings.dedup();
        for heading in headings {
            let of_heading = own.iter().filter(|arg| arg.get_help_heading() == heading);
            let of_heading: Vec<&Arg> = of_heading.copied().collect();
            let title = match heading {
                Some(heading) => format!("### {heading}"),
                None => format!("## `vinculo {}`", command.get_name()),
            };
            table(&mut text, &title, &of_heading, Some((command.get_name(), &takers)));
        }
    }
    text
}

/// Which commands take each setting.
fn find_takers(command: &Command, path: &str, into: &mut BTreeMap<String, Vec<String>>) {
    for arg in command.get_arguments() {
        into.entry(arg.get_id().to_string()).or_default().push(path.to_owned());
    }
    for sub in command.get_subcommands() {
        find_takers(sub, format!("{path} {}", sub.get_name()).trim_start(), into);
    }
}

/// Appends a table of those that are settings, if any is.
fn table(
    text: &mut String,
    title: &str,
    args: &[&Arg],
    takers: Option<(&str, &BTreeMap<String, Vec<String>>)>,
) {
    let rows: String = args.iter().filter_map(|arg| row(arg, takers)).collect();
    if !rows.is_empty() {
        let head = "| variable | flag | key in the file | default | |\n|---|---|---|---|---|\n";
        *text += &format!("\n{title}\n\n{head}{rows}");
    }
}

fn row(arg: &Arg, takers: Option<(&str, &BTreeMap<String, Vec<String>>)>) -> Option<String> {
    let variable = arg.get_env()?.to_string_lossy();
    let flag = match arg.get_long() {
        Some(long) if !arg.is_hide_set() => format!("`--{long}`"),
        _ => String::new(),
    };
    let key = match arg.get_id().as_str() {
        // The file cannot say where it is.
        "config" => String::new(),
        key => format!("`{key}`"),
    };
    let help = arg.get_help()?.to_string();
    let (meaning, default) = help
        .split_once(" [default: ")
        .map_or((help.as_str(), ""), |(meaning, rest)| (meaning, rest.trim_end_matches(']')));
    let mut meaning = meaning.to_owned();
    let values = arg.get_possible_values();
    if !values.is_empty() && values[0].get_name() != "true" {
        let names: Vec<_> = values.iter().map(|value| format!("`{}`", value.get_name())).collect();
        meaning += &format!("; one of {}", names.join(", "));
    }
    if let Some((command, takers)) = takers {
        let others = takers.get(arg.get_id().as_str()).into_iter().flatten();
        let others = others.filter(|other| *other != command);
        let others: Vec<_> = others.map(|other| format!("`{other}`")).collect();
        if !others.is_empty() {
            meaning += &format!(". Also: {}", others.join(", "));
        }
    }
    let meaning = meaning.replace('|', "\\|");
    Some(format!("| `{variable}` | {flag} | {key} | {default} | {meaning} |\n"))
}
