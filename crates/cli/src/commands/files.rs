//! Files as the command line names them: a file, a folder of files, or a zip archive of files.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use anyhow::Context as _;
use zip::ZipArchive;

/// Bytes unpacked at once, and pieces that wait to be read.
const PIECE: usize = 64 * 1024;
const AHEAD: usize = 4;

/// One file to read, as often as needed.
pub(super) struct InputFile {
    path: PathBuf,
    /// Which member of the archive `path` it is.
    member: Option<(usize, String)>,
}

impl InputFile {
    /// The name people know it by.
    pub(super) fn name(&self) -> String {
        match &self.member {
            Some((_, name)) => name.clone(),
            None => self.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        }
    }

    /// Where it is.
    pub(super) fn place(&self) -> String {
        match &self.member {
            Some((_, name)) => format!("{}!{name}", self.path.display()),
            None => self.path.display().to_string(),
        }
    }

    /// Its contents, from the beginning.
    pub(super) fn open(&self) -> anyhow::Result<Box<dyn Read + Send>> {
        match &self.member {
            None => Ok(Box::new(File::open(&self.path)?)),
            Some((index, _)) => Ok(Box::new(Unpacking::start(&self.path, *index)?)),
        }
    }
}

/// Every file behind these paths: folders in the order of their names, archives in their own.
pub(super) fn expand(paths: &[PathBuf]) -> anyhow::Result<Vec<InputFile>> {
    let mut files = Vec::new();
    for path in paths {
        add(path, &mut files).with_context(|| path.display().to_string())?;
    }
    Ok(files)
}

fn add(path: &Path, files: &mut Vec<InputFile>) -> anyhow::Result<()> {
    if path.is_dir() {
        let entries = std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path()));
        let mut inside = entries.collect::<io::Result<Vec<_>>>()?;
        inside.sort();
        return inside.iter().try_for_each(|path| add(path, files));
    }
    let is_zip = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip"));
    if !is_zip {
        files.push(InputFile { path: path.to_owned(), member: None });
        return Ok(());
    }
    let mut archive = archive(path)?;
    for index in 0..archive.len() {
        let member = archive.by_index_raw(index)?;
        if member.is_file() {
            let name = member.name()?.into_owned();
            files.push(InputFile { path: path.to_owned(), member: Some((index, name)) });
        }
    }
    Ok(())
}

fn archive(path: &Path) -> anyhow::Result<ZipArchive<BufReader<File>>> {
    Ok(ZipArchive::new(BufReader::new(File::open(path)?))?)
}

/// A member being unpacked by a thread of its own; nothing of it is written to disk.
struct Unpacking {
    pieces: Receiver<io::Result<Vec<u8>>>,
    current: Vec<u8>,
    read: usize,
}

impl Unpacking {
    fn start(path: &Path, index: usize) -> anyhow::Result<Self> {
        let archive = archive(path)?;
        let (sender, pieces) = sync_channel(AHEAD);
        let unpack = move || {
            if let Err(error) = unpack(archive, index, &sender) {
                // Whoever reads may have lost interest already.
                let _ = sender.send(Err(error));
            }
        };
        std::thread::Builder::new().name("unzip".to_owned()).spawn(unpack)?;
        Ok(Self { pieces, current: Vec::new(), read: 0 })
    }
}

fn unpack(
    mut archive: ZipArchive<BufReader<File>>,
    index: usize,
    sender: &SyncSender<io::Result<Vec<u8>>>,
) -> io::Result<()> {
    let mut member = archive.by_index(index).map_err(io::Error::other)?;
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
