//! The spool: received files on their way to an import, sealed frame by frame, so that neither a
//! copy in clear nor a whole file in memory is ever needed.
//!
//! A file is a sequence of frames: length of the sealed frame (4 bytes, big endian), then the frame.
//! Each is sealed with the workspace's key and bound to the import, its number, and whether it is
//! the last: frames cannot be moved, repeated, or cut off at the end.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::digest;
use uuid::Uuid;
use vinculo_vault::{Context, Sealed};

use crate::secrets::WorkspaceSecrets;

/// Bytes of the file in one frame.
const FRAME: usize = 64 * 1024;
/// A sealed frame is a little longer; anything much longer is damage.
const LONGEST_SEALED: usize = FRAME + 256;

/// What was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Written {
    /// SHA-256 of the file.
    pub(crate) sha256: [u8; 32],
    /// Its size, bytes.
    pub(crate) bytes: u64,
}

/// Writes one file into the spool.
pub(crate) struct SpoolWriter {
    out: BufWriter<File>,
    frames: Frames,
    pending: Vec<u8>,
    digest: digest::Context,
    bytes: u64,
    limit: u64,
}

/// Seals and opens the frames of one import, in order.
struct Frames {
    secrets: Arc<WorkspaceSecrets>,
    import: Uuid,
    next: u64,
}

impl Frames {
    fn row(&self, last: bool) -> [u8; 25] {
        let mut row = [0; 25];
        row[..16].copy_from_slice(self.import.as_bytes());
        row[16..24].copy_from_slice(&self.next.to_be_bytes());
        row[24] = u8::from(last);
        row
    }

    fn seal(&mut self, clear: &[u8], last: bool) -> io::Result<Sealed> {
        let row = self.row(last);
        let context = Context::of_bytes("imports.spool", &row);
        let sealed = self.secrets.data_key().seal(context, clear).map_err(io::Error::other)?;
        self.next += 1;
        Ok(sealed)
    }

    /// Puts the clear frame in place of what is in `clear`; whether it is the last.
    fn open(&mut self, sealed: &Sealed, clear: &mut Vec<u8>) -> io::Result<bool> {
        clear.clear();
        for last in [false, true] {
            let row = self.row(last);
            let context = Context::of_bytes("imports.spool", &row);
            if self.secrets.data_key().open_onto(context, sealed, clear).is_ok() {
                self.next += 1;
                return Ok(last);
            }
        }
        let message = format!("frame {} of the spooled file does not open", self.next);
        Err(io::Error::new(io::ErrorKind::InvalidData, message))
    }
}

impl SpoolWriter {
    /// Starts a new file; one that is there already is an error. At most `limit` bytes are taken.
    pub(crate) fn create(
        path: &Path,
        secrets: Arc<WorkspaceSecrets>,
        import: Uuid,
        limit: u64,
    ) -> io::Result<Self> {
        Ok(Self {
            out: BufWriter::new(create_private(path)?),
            frames: Frames { secrets, import, next: 0 },
            pending: Vec::with_capacity(FRAME),
            digest: digest::Context::new(&digest::SHA256),
            bytes: 0,
            limit,
        })
    }

    /// Writes the last frame and waits until everything is on disk.
    pub(crate) fn finish(mut self) -> io::Result<Written> {
        self.frame(true)?;
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.digest.finish().as_ref());
        Ok(Written { sha256, bytes: self.bytes })
    }

    fn frame(&mut self, last: bool) -> io::Result<()> {
        let sealed = self.frames.seal(&self.pending, last)?;
        self.pending.clear();
        let length = u32::try_from(sealed.as_bytes().len()).map_err(io::Error::other)?;
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(sealed.as_bytes())
    }
}

impl Write for SpoolWriter {
    fn write(&mut self, clear: &[u8]) -> io::Result<usize> {
        if self.pending.len() == FRAME {
            self.frame(false)?;
        }
        let taken = clear.len().min(FRAME - self.pending.len());
        self.bytes += taken as u64;
        if self.bytes > self.limit {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "file too large"));
        }
        self.digest.update(&clear[..taken]);
        self.pending.extend_from_slice(&clear[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A new file that is its owner's alone.
fn create_private(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Reads one file from the spool. A file that was cut off gives an error, never an early end.
pub(crate) struct SpoolReader {
    from: BufReader<File>,
    frames: Frames,
    clear: Vec<u8>,
    read: usize,
    ended: bool,
}

impl SpoolReader {
    /// Opens a spooled file.
    pub(crate) fn open(
        path: &Path,
        secrets: Arc<WorkspaceSecrets>,
        import: Uuid,
    ) -> io::Result<Self> {
        Ok(Self {
            from: BufReader::new(File::open(path)?),
            frames: Frames { secrets, import, next: 0 },
            clear: Vec::new(),
            read: 0,
            ended: false,
        })
    }

    fn next_frame(&mut self) -> io::Result<()> {
        let mut length = [0; 4];
        self.from.read_exact(&mut length)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > LONGEST_SEALED {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "damaged spooled file"));
        }
        let mut sealed = vec![0; length];
        self.from.read_exact(&mut sealed)?;
        let sealed = Sealed::from_bytes(sealed)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
        self.ended = self.frames.open(&sealed, &mut self.clear)?;
        self.read = 0;
        Ok(())
    }
}

impl Read for SpoolReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.read == self.clear.len() {
            if self.ended {
                return Ok(0);
            }
            self.next_frame()?;
        }
        let taken = out.len().min(self.clear.len() - self.read);
        out[..taken].copy_from_slice(&self.clear[self.read..self.read + taken]);
        self.read += taken;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use vinculo_store::{Environment, Workspace, WorkspaceId};
    use vinculo_vault::{MasterKeys, SeededRandom, Vault};

    use super::*;
    use crate::secrets::Secrets;

    fn secrets() -> Arc<WorkspaceSecrets> {
        let random = Arc::new(SeededRandom::new(7));
        let masters = MasterKeys::generate(&*random).unwrap();
        let root = Vault::create_root(&masters, &*random).unwrap();
        let vault = Vault::open(masters, &root, random).unwrap();
        let workspace = Workspace {
            id: WorkspaceId(1),
            uuid: Uuid::from_u128(1),
            organization: Uuid::from_u128(2),
            environment: Environment::Production,
        };
        let (_, wrapped) = vault.new_data_key().unwrap();
        Secrets::open(vault, vec![(workspace, wrapped)], 1).unwrap().of(WorkspaceId(1)).unwrap()
    }

    fn spool(folder: &Path, secrets: &Arc<WorkspaceSecrets>, bytes: &[u8]) -> Written {
        let path = folder.join("file");
        let id = Uuid::from_u128(3);
        let mut writer = SpoolWriter::create(&path, Arc::clone(secrets), id, u64::MAX).unwrap();
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap()
    }

    fn unspool(folder: &Path, secrets: &Arc<WorkspaceSecrets>) -> io::Result<Vec<u8>> {
        let id = Uuid::from_u128(3);
        let mut reader = SpoolReader::open(&folder.join("file"), Arc::clone(secrets), id)?;
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn what_is_spooled_comes_back(length in 0_usize..200_000, seed in any::<u8>()) {
            let bytes: Vec<u8> = (0..length).map(|i| (i as u8).wrapping_mul(31) ^ seed).collect();
            let (folder, secrets) = (tempfile::tempdir().unwrap(), secrets());
            let written = spool(folder.path(), &secrets, &bytes);
            prop_assert_eq!(written.bytes, length as u64);
            let expected = digest::digest(&digest::SHA256, &bytes);
            prop_assert_eq!(&written.sha256[..], expected.as_ref());
            prop_assert_eq!(unspool(folder.path(), &secrets).unwrap(), bytes);
        }

        #[test]
        fn a_file_cut_anywhere_is_refused(cut in 0_usize..65_000) {
            let (folder, secrets) = (tempfile::tempdir().unwrap(), secrets());
            spool(folder.path(), &secrets, &[7; FRAME * 2 + 5]);
            let path = folder.path().join("file");
            let sealed = std::fs::read(&path).unwrap();
            for end in [cut, sealed.len() - 1 - cut % (sealed.len() - 1)] {
                std::fs::write(&path, &sealed[..end]).unwrap();
                prop_assert!(unspool(folder.path(), &secrets).is_err());
            }
        }
    }

    #[test]
    fn a_file_over_the_limit_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (path, id) = (folder.path().join("file"), Uuid::from_u128(3));
        let mut writer = SpoolWriter::create(&path, secrets(), id, 10).unwrap();
        assert!(writer.write_all(&[0; 10]).is_ok());
        let refused = writer.write_all(&[0]).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::FileTooLarge);
    }
}
