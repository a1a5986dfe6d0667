//! Whether the database answers, and is set up to keep what it is given.

use vinculo_store::{DatabaseServer, Error, ReadOnly, Store, Target};

use super::{Finding, State, finding};
use crate::args::Mode;
use crate::installation::EXPOSED;

const ENCRYPT: &str = "add sslmode=verify-full to VINCULO_DATABASE_URL, and sslrootcert=PATH when the server's authority \
                       is not one of this system's";

/// Whether it could be opened, and what to do when not.
pub(super) fn opened(target: &Target, error: Option<&Error>) -> Finding {
    let kind = match target {
        Target::Sqlite { .. } => "SQLite",
        Target::Postgres { .. } => "PostgreSQL",
    };
    let Some(error) = error else {
        if target.is_exposed() {
            return finding("database", State::Doubtful, EXPOSED).mend(ENCRYPT);
        }
        return finding("database", State::Good, format!("{kind}, at this version's schema"));
    };
    let mend = match (error, target) {
        (Error::Migration(_), _) => {
            "restore what is missing (docs/BACKUP.md); migrate an older database with `vinculo \
             migrate`; use a newer one with the program that made it"
        }
        (Error::Unavailable(_), Target::Sqlite { .. }) => {
            "its files must be there, to be read and written by whoever runs this; a damaged \
             disk asks for a restore (docs/BACKUP.md)"
        }
        (_, Target::Sqlite { .. }) => {
            "the file is damaged, or no database: restore it (docs/BACKUP.md)"
        }
        (error, Target::Postgres { .. }) => of_server(error),
    };
    finding("database", State::Wrong, format!("{kind}: {error}")).mend(mend)
}

/// What to do when a server answers so, or does not answer.
fn of_server(error: &Error) -> &'static str {
    let (Error::Unavailable(cause) | Error::Full(cause) | Error::Busy(cause)) = error else {
        return "see whether VINCULO_DATABASE_URL names it, and its log";
    };
    match cause.code() {
        None => {
            "nobody answers there, or somebody else: start PostgreSQL, or mend VINCULO_DATABASE_URL or what is \
             between (docs/CONFIGURATION.md says what sslmode asks for)"
        }
        Some("28P01") => "name the right user and password in VINCULO_DATABASE_URL",
        Some(code) if code.starts_with("28") => {
            "it lets this user not in from here: see the user in VINCULO_DATABASE_URL, and the \
             server's pg_hba.conf"
        }
        Some("3D000") => {
            "it has no database of this name: `createdb`, or name the right one in VINCULO_DATABASE_URL"
        }
        Some("53300") => {
            "all of its connections are taken: raise max_connections, or lower \
             VINCULO_DATABASE_CONNECTIONS of the processes (docs/SCALE.md)"
        }
        Some("57P03") => "it is starting or stopping: try again; its log says for how long",
        Some("53100") => "make room on the disk of the database",
        Some(_) => "see the log of PostgreSQL",
    }
}

/// The oldest PostgreSQL that the program is for, and the one that it was tested with (docs/DATABASE.md).
const OLDEST: i64 = 15;
const TESTED: i64 = 15;

/// The version of a server, and whether the program was tested with it.
fn told(version: i64) -> String {
    let (major, minor) = (version / 10_000, version % 10_000);
    match major {
        TESTED => format!("version {major}.{minor}"),
        _ => format!("version {major}.{minor}, tested was {TESTED}"),
    }
}

/// How the server of the database is set up; nothing of an embedded one.
pub(super) fn server(store: &Store, mode: Mode) -> Option<Finding> {
    const NAME: &str = "PostgreSQL";
    let found = store.read_blocking(|tx| Ok::<_, Error>((tx.database_server()?, tx.read_only()?)));
    let (server, read_only) = match found {
        Ok((server, read_only)) => (server?, read_only),
        Err(error) => {
            let found = finding(NAME, State::Wrong, error.to_string());
            return Some(found.mend("see to the database"));
        }
    };
    let DatabaseServer { version, survives_crashes, waits_for_disk, connections, most_connections } =
        server;
    if let Some(why) = read_only {
        return Some(takes_no_writes(NAME, why));
    }
    // What nobody minds losing may be quick.
    let careless = if mode == Mode::Production { State::Wrong } else { State::Doubtful };
    let taken = format!("{connections} of {most_connections} connections are taken");
    let message = format!("{}; {taken}", told(version));
    Some(if !survives_crashes {
        finding(NAME, careless, "fsync or full_page_writes is off: a power cut can destroy all")
            .mend("turn both on in postgresql.conf")
    } else if !waits_for_disk {
        let lost = "synchronous_commit is off: what was acknowledged is lost in a power cut";
        finding(NAME, careless, lost).mend("turn it on, for the server, the database or the user")
    } else if version / 10_000 < OLDEST {
        finding(NAME, State::Doubtful, format!("{}, and is to be {OLDEST} or newer", told(version)))
            .mend("upgrade the server (docs/DATABASE.md)")
    } else if connections.saturating_mul(10) >= most_connections.saturating_mul(9) {
        finding(NAME, State::Doubtful, taken).mend(
            "raise max_connections, or lower VINCULO_DATABASE_CONNECTIONS of the processes \
             (docs/SCALE.md)",
        )
    } else {
        finding(NAME, State::Good, message)
    })
}

fn takes_no_writes(name: &'static str, why: ReadOnly) -> Finding {
    let found = finding(name, State::Wrong, format!("takes no writes: {}", why.as_str()));
    found.mend(match why {
        ReadOnly::Standby => {
            "name the primary in VINCULO_DATABASE_URL; one of several hosts is chosen by \
             target_session_attrs=read-write"
        }
        ReadOnly::Setting => {
            "turn it off, for the server, the database or the user; a managed server turns it on while its disk \
             is full"
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_as_the_document_does() {
        assert_eq!(told(150_014), "version 15.14");
        assert_eq!(told(170_006), "version 17.6, tested was 15");
        let document = include_str!("../../../../../docs/DATABASE.md");
        let row = |major: i64, what: &str| {
            let begins = format!("| {major} | {what}");
            assert!(document.lines().any(|line| line.starts_with(&begins)), "{begins}");
        };
        row(OLDEST, "the oldest");
        row(TESTED, "the oldest, and tested");
    }
}
