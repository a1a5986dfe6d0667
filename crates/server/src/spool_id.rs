//! Which spool a folder is: imports and their jobs carry its id, so that a process that does not see the folder
//! leaves them to those who do.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;

use uuid::Uuid;

use crate::App;

/// The file in a spool that says which one it is.
pub const SPOOL_ID: &str = "spool.id";

/// The id of the spool that this process uses, which it gets now if it has none.
///
/// # Errors
/// When it cannot be written.
pub(crate) async fn identify_spool(app: &App) -> io::Result<Uuid> {
    let (spool, offered) = (app.config().spool_dir.clone(), app.uuid());
    let offered = offered.map_err(io::Error::other)?;
    tokio::task::spawn_blocking(move || identify(&spool, offered)).await?
}

/// The id of a spool; one without an id gets the offered one, its folder made private. Of several who offer one
/// at once, on any machine, all get the same.
///
/// # Errors
/// When the folder cannot be made or written, or its id is none.
fn identify(spool: &Path, offered: Uuid) -> io::Result<Uuid> {
    if let Some(id) = spool_id(spool)? {
        return Ok(id);
    }
    vinculo_store::make_private_folder(spool).map_err(io::Error::other)?;
    // A link is made whole or not at all, and never over one that is there.
    let draft = spool.join(format!("{SPOOL_ID}.{}", offered.simple()));
    let made = write(&draft, offered).and_then(|()| fs::hard_link(&draft, spool.join(SPOOL_ID)));
    let removed = fs::remove_file(&draft);
    match made {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
        _ => removed?,
    }
    File::open(spool)?.sync_all()?;
    spool_id(spool)?.ok_or_else(|| ErrorKind::NotFound.into())
}

/// The id of a spool; `None` when it has none, or is not there.
///
/// # Errors
/// When it cannot be read, or is none.
pub fn spool_id(spool: &Path) -> io::Result<Option<Uuid>> {
    let path = spool.join(SPOOL_ID);
    match fs::read_to_string(&path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error),
        Ok(text) => Uuid::try_parse(text.trim()).map(Some).map_err(|_| {
            let message = format!("{} does not hold the id of a spool", path.display());
            io::Error::new(ErrorKind::InvalidData, message)
        }),
    }
}

fn write(path: &Path, id: Uuid) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    writeln!(file, "{id}")?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_who_identify_a_spool_at_once_get_one_id() {
        let folder = tempfile::tempdir().unwrap();
        let spool = folder.path().join("spool");
        assert_eq!(spool_id(&spool).unwrap(), None);
        let ids = std::thread::scope(|scope| {
            let spool = &spool;
            let offer = |n| scope.spawn(move || identify(spool, Uuid::from_u128(n)).unwrap());
            (1..=8)
                .map(offer)
                .collect::<Vec<_>>()
                .into_iter()
                .map(|it| it.join().unwrap())
                .collect::<Vec<_>>()
        });
        assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        assert_eq!(identify(&spool, Uuid::from_u128(99)).unwrap(), ids[0]);
        assert_eq!(fs::read_dir(&spool).unwrap().count(), 1, "no draft is left");
        fs::write(spool.join(SPOOL_ID), "?").unwrap();
        let refused = identify(&spool, Uuid::from_u128(99)).unwrap_err();
        assert!(
            refused.to_string().ends_with("spool.id does not hold the id of a spool"),
            "{refused}"
        );
    }
}
