//! Starts that must be refused.

use std::process::{Command, Stdio};

use super::{Plan, Verdict};
use crate::server::{Installation, Setup};

/// A8: a second process on the same folder, and a folder that is a file.
///
/// # Errors
/// When the first server does not start.
pub fn refused_starts(plan: &Plan<'_>) -> anyhow::Result<Vec<Verdict>> {
    let installation = Installation::new(&Setup { binary: plan.binary, ..Setup::default() })?;
    let mut server = installation.serve()?;
    let file = installation.folder().join("a-file");
    std::fs::write(&file, "not a folder")?;
    let mut on_file = Command::new(installation.binary());
    on_file.env_clear().args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(&file);
    let mut told = Vec::new();
    let mut met = true;
    for (what, mut command) in
        [("a second process", installation.serve_command()), ("a file for a folder", on_file)]
    {
        let output = command.stdin(Stdio::null()).output()?;
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        // Where that folder happens to be is nobody's business.
        let said = said.replace(&installation.folder().display().to_string(), "FOLDER");
        met &= output.status.code().is_some_and(|code| code != 0) && said.lines().count() == 1;
        told.push(format!("{what}: {:?}, {said:?}", output.status.code()));
    }
    met &= server.runs()? && std::fs::read_to_string(&file)? == "not a folder";
    Ok(vec![Verdict::counted(
        "A8 a second process on one folder, a file for a folder",
        "one line, an exit code, nothing changed",
        met,
        told.join("; "),
    )])
}
