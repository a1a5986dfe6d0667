//! Zip archives, opened once and read by many.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use zip::ZipArchive;

/// Bytes unpacked at once, and pieces that wait to be read.
const PIECE: usize = 64 * 1024;
const AHEAD: usize = 4;

/// An archive whose directory was read.
pub(in crate::commands) struct Archive {
    path: PathBuf,
    zip: ZipArchive<Bytes>,
}

impl Archive {
    /// Reads the directory of the archive.
    pub(super) fn open(path: PathBuf) -> anyhow::Result<Self> {
        let zip = ZipArchive::new(Bytes::of(Arc::new(File::open(&path)?)))?;
        Ok(Self { path, zip })
    }

    /// Where a member is.
    pub(super) fn place_of(&self, member: &str) -> String {
        format!("{}!{member}", self.path.display())
    }

    /// The name of a member, `Some(Ok(None))` for one that is no file; `None` after the last.
    pub(super) fn member(&self, index: usize) -> Option<anyhow::Result<Option<String>>> {
        if index >= self.zip.len() {
            return None;
        }
        let name = || {
            let member = self.zip.by_index_data(index)?;
            Ok(if member.is_file() { Some(member.name()?.into_owned()) } else { None })
        };
        Some(name())
    }

    /// Begins to unpack a member.
    pub(super) fn unpack(&self, index: usize) -> io::Result<Unpacking> {
        let zip = self.zip.clone();
        let (sender, pieces) = sync_channel(AHEAD);
        let unpack = move || {
            if let Err(error) = unpack(zip, index, &sender) {
                // Whoever reads may have lost interest already.
                let _ = sender.send(Err(error));
            }
        };
        std::thread::Builder::new().name("unzip".to_owned()).spawn(unpack)?;
        Ok(Unpacking { pieces, current: Vec::new(), read: 0 })
    }
}

/// A member being unpacked by a thread of its own; nothing of it is written to disk.
pub(super) struct Unpacking {
    pieces: Receiver<io::Result<Vec<u8>>>,
    current: Vec<u8>,
    read: usize,
}

fn unpack(
    mut zip: ZipArchive<Bytes>,
    index: usize,
    sender: &SyncSender<io::Result<Vec<u8>>>,
) -> io::Result<()> {
    let mut member = zip.by_index(index).map_err(io::Error::other)?;
    loop {
        let mut piece = vec![0; PIECE];
        let length = member.read(&mut piece)?;
        piece.truncate(length);
        if length == 0 || sender.send(Ok(piece)).is_err() {
            return Ok(());
        }
    }
}

impl Read for Unpacking {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.read == self.current.len() {
            match self.pieces.recv() {
                Ok(piece) => (self.current, self.read) = (piece?, 0),
                Err(_) => return Ok(0),
            }
        }
        let taken = out.len().min(self.current.len() - self.read);
        out[..taken].copy_from_slice(&self.current[self.read..self.read + taken]);
        self.read += taken;
        Ok(taken)
    }
}

/// The bytes of an archive. A clone reads the same open file from a place of its own.
struct Bytes(BufReader<Positioned>);

impl Bytes {
    fn of(file: Arc<File>) -> Self {
        Self(BufReader::new(Positioned { file, at: 0 }))
    }
}

impl Clone for Bytes {
    fn clone(&self) -> Self {
        Self::of(Arc::clone(&self.0.get_ref().file))
    }
}

impl Read for Bytes {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out)
    }
}

impl Seek for Bytes {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

/// A file read from a place that is nobody else's.
struct Positioned {
    file: Arc<File>,
    at: u64,
}

impl Read for Positioned {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(out, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Positioned {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::Current(by) => (self.at, by),
            SeekFrom::End(by) => (self.file.metadata()?.len(), by),
        };
        let outside = || io::Error::new(io::ErrorKind::InvalidInput, "a place before the file");
        self.at = from.checked_add_signed(by).ok_or_else(outside)?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    #[test]
    fn members_are_read_side_by_side_from_a_file_that_is_opened_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.zip");
        let contents = [b"1".repeat(300_000), b"2".repeat(300_000)];
        let mut zip = ZipWriter::new(File::create(&path).expect("a writable folder"));
        for (name, contents) in ["one", "two"].iter().zip(&contents) {
            zip.start_file(*name, SimpleFileOptions::default()).expect("a member");
            zip.write_all(contents).expect("a member");
        }
        zip.finish().expect("an archive");

        let archive = Archive::open(path.clone()).expect("an archive");
        std::fs::remove_file(path).expect("a file");
        let mut members = [0, 1, 0].map(|index| archive.unpack(index).expect("a member"));
        let mut read = [Vec::new(), Vec::new(), Vec::new()];
        for (member, into) in members.iter_mut().zip(&mut read) {
            member.take(1_000).read_to_end(into).expect("the beginning");
        }
        for (member, into) in members.iter_mut().zip(&mut read) {
            member.read_to_end(into).expect("the rest");
        }
        let [one, two] = contents;
        assert!(read == [one.clone(), two, one]);
        assert!(archive.member(2).is_none());
    }
}
