//! `vinculo backup`

use std::process::ExitCode;

use anstream::println;
use vinculo_store::{Part, back_up};

use crate::args::Backup;
use crate::installation::target;
use crate::print::GOOD;

/// Copies the data and, when told where to, the keys. Needs no master key: nothing is opened.
pub(crate) fn run(options: &Backup) -> anyhow::Result<ExitCode> {
    let target = target(&options.database)?;
    // Data first: keys that were made meanwhile are more than the data needs.
    let copies = [(Part::Data, Some(&options.to)), (Part::Keys, options.with_keys.as_ref())];
    for (part, to) in copies {
        let Some(to) = to else { continue };
        let bytes = back_up(&target, part, to)?;
        let what = match part {
            Part::Data => "data, without keys",
            Part::Keys => "keys",
        };
        println!("{GOOD}{}{GOOD:#}: {what}, {bytes} bytes", to.display());
    }
    Ok(ExitCode::SUCCESS)
}
