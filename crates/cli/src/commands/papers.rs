//! `vinculo completions` and `vinculo man`

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::args::Arguments;

/// Prints what a shell reads to complete commands and options.
pub(crate) fn completions(shell: Shell) -> ExitCode {
    clap_complete::generate(shell, &mut Arguments::command(), "vinculo", &mut std::io::stdout());
    ExitCode::SUCCESS
}

/// Writes one page of the manual a command.
pub(crate) fn man(folder: &Path) -> anyhow::Result<ExitCode> {
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(Arguments::command(), folder));
    written.with_context(|| format!("folder {}", folder.display()))?;
    Ok(ExitCode::SUCCESS)
}
