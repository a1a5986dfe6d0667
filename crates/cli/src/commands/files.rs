//! Files as the command line names them: a file, a folder of files, or a zip archive of files.

mod archive;

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anstream::eprintln;
use anyhow::bail;

use self::archive::Archive;
use crate::print::{DIM, failure};

/// One file to read, as often as needed.
pub(super) enum InputFile {
    Plain(PathBuf),
    Member { archive: Arc<Archive>, index: usize, name: String },
}

impl InputFile {
    /// The name people know it by.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Plain(path) => {
                path.file_name().unwrap_or_default().to_string_lossy().into_owned()
            }
            Self::Member { name, .. } => name.clone(),
        }
    }

    /// Where it is.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Plain(path) => path.display().to_string(),
            Self::Member { archive, name, .. } => archive.place_of(name),
        }
    }

    /// Its contents, from the beginning.
    pub(super) fn open(&self) -> anyhow::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::Plain(path) => Box::new(File::open(path)?),
            Self::Member { archive, index, .. } => Box::new(archive.unpack(*index)?),
        })
    }
}

/// Every file behind some paths, one after the other: folders in the order of their names, archives in
/// their own. What cannot be read and what is passed over is told on standard error.
pub(super) struct Files {
    /// What is still to be looked at, the next one last.
    pending: Vec<Pending>,
    /// Folders read for one argument. A link into one of them would lead in a circle.
    folders: HashSet<PathBuf>,
    passed_over: HashSet<String>,
    all_read: bool,
}

enum Pending {
    /// A path of the command line.
    Argument(PathBuf),
    /// A path in a folder.
    Inside(PathBuf),
    /// The members of an archive from this one on.
    Members(Arc<Archive>, usize),
}

impl Files {
    /// The files behind these paths.
    pub(super) fn of(paths: &[PathBuf]) -> Self {
        Self {
            pending: paths.iter().rev().cloned().map(Pending::Argument).collect(),
            folders: HashSet::new(),
            passed_over: HashSet::new(),
            all_read: true,
        }
    }

    /// Tells of a file that cannot be read.
    pub(super) fn fail(&mut self, place: &str, error: anyhow::Error) {
        self.all_read = false;
        failure(&error.context(place.to_owned()));
    }

    /// Whether every file so far could be read.
    pub(super) fn all_read(&self) -> bool {
        self.all_read
    }

    fn pass_over(&mut self, place: String) {
        if !self.passed_over.contains(&place) {
            eprintln!("{DIM}passed over:{DIM:#} {place}");
            self.passed_over.insert(place);
        }
    }

    fn at(&mut self, path: PathBuf, inside: bool) -> Option<InputFile> {
        match self.is_plain(&path, inside) {
            Ok(true) => return Some(InputFile::Plain(path)),
            Ok(false) => {}
            Err(error) => self.fail(&path.display().to_string(), error),
        }
        None
    }

    /// Whether there is a file to read. What a folder or an archive holds comes next.
    fn is_plain(&mut self, path: &Path, inside: bool) -> anyhow::Result<bool> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if inside && is_clutter(&name) {
            self.pass_over(path.display().to_string());
            return Ok(false);
        }
        let metadata = std::fs::metadata(path)?;
        if metadata.is_dir() {
            if inside && is_clutter_folder(&name) {
                self.pass_over(format!("{}/", path.display()));
            } else {
                self.folder(path)?;
            }
        } else if !metadata.is_file() {
            // Reading a pipe would wait for whoever writes into it.
            bail!("neither a file nor a folder");
        } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip")) {
            self.pending.push(Pending::Members(Arc::new(Archive::open(path.to_owned())?), 0));
        } else {
            return Ok(true);
        }
        Ok(false)
    }

    fn folder(&mut self, path: &Path) -> anyhow::Result<()> {
        if !self.folders.insert(path.canonicalize()?) {
            self.pass_over(format!("{}/ (the same folder again)", path.display()));
            return Ok(());
        }
        let entries = std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path()));
        let mut inside = entries.collect::<io::Result<Vec<_>>>()?;
        inside.sort();
        self.pending.extend(inside.into_iter().rev().map(Pending::Inside));
        Ok(())
    }

    /// The member of an archive, unless it is no file or nobody meant to pack it. The next one comes next.
    fn member(&mut self, archive: Arc<Archive>, index: usize) -> Option<InputFile> {
        let member = archive.member(index)?;
        self.pending.push(Pending::Members(Arc::clone(&archive), index + 1));
        match member {
            Ok(Some(name)) => match clutter_of(&name) {
                Some(clutter) => self.pass_over(archive.place_of(clutter)),
                None => return Some(InputFile::Member { archive, index, name }),
            },
            Ok(None) => {}
            Err(error) => self.fail(&archive.place_of(&format!("#{}", index + 1)), error),
        }
        None
    }
}

impl Iterator for Files {
    type Item = InputFile;

    fn next(&mut self) -> Option<InputFile> {
        loop {
            let file = match self.pending.pop()? {
                Pending::Argument(path) => {
                    self.folders.clear();
                    self.at(path, false)
                }
                Pending::Inside(path) => self.at(path, true),
                Pending::Members(archive, index) => self.member(archive, index),
            };
            if file.is_some() {
                return file;
            }
        }
    }
}

/// Whether a file of this name was left by a desktop.
fn is_clutter(name: &str) -> bool {
    name.starts_with("._") || name == ".DS_Store" || name.eq_ignore_ascii_case("Thumbs.db")
}

/// Whether a folder of this name is hidden, or one of a desktop.
fn is_clutter_folder(name: &str) -> bool {
    name == "__MACOSX" || (name.starts_with('.') && !matches!(name, "." | ".."))
}

/// The part of a member's name that says that nobody meant to pack it.
fn clutter_of(name: &str) -> Option<&str> {
    let mut start = 0;
    for (end, _) in name.match_indices('/') {
        if is_clutter_folder(&name[start..end]) {
            return Some(&name[..=end]);
        }
        start = end + 1;
    }
    is_clutter(&name[start..]).then_some(name)
}
