//! What the program prints about itself.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// `vinculo completions`
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Shell that reads it
    pub(crate) shell: Shell,
}

/// `vinculo man`
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Folder to write into; made when it is not there
    #[arg(long, value_name = "FOLDER")]
    pub(crate) dir: PathBuf,
}
