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

/// What stands next behind some paths.
pub(super) enum Met {
    File(InputFile),
    /// What nobody meant to give.
    PassedOver(String),
    /// What cannot be read, its place among the causes.
    Unreadable(anyhow::Error),
}

impl Met {
    pub(super) fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable(_))
    }

    /// The file, or nothing and what is to be told on standard error instead.
    pub(super) fn or_tell(self) -> Option<InputFile> {
        match self {
            Self::File(file) => return Some(file),
            Self::PassedOver(place) => eprintln!("{DIM}passed over:{DIM:#} {place}"),
            Self::Unreadable(error) => failure(&error),
        }
        None
    }
}

/// Every file behind some paths, one after the other: folders in the order of their names, archives in
/// their own.
pub(super) struct Files {
    /// What is still to be looked at, the next one last.
    pending: Vec<Pending>,
    /// Folders read for one argument. A link into one of them would lead in a circle.
    folders: HashSet<PathBuf>,
    passed_over: HashSet<String>,
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
        }
    }

    /// The place, unless it was passed over before.
    fn pass_over(&mut self, place: String) -> Option<Met> {
        self.passed_over.insert(place.clone()).then_some(Met::PassedOver(place))
    }

    fn at(&mut self, path: PathBuf, inside: bool) -> Option<Met> {
        let place = path.display().to_string();
        let met = self.look_at(path, inside);
        met.unwrap_or_else(|error| Some(Met::Unreadable(error.context(place))))
    }

    /// The file at a path. What a folder or an archive holds comes next.
    fn look_at(&mut self, path: PathBuf, inside: bool) -> anyhow::Result<Option<Met>> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if inside && is_clutter(&name) {
            return Ok(self.pass_over(path.display().to_string()));
        }
        let metadata = std::fs::metadata(&path)?;
        if metadata.is_dir() {
            if inside && is_clutter_folder(&name) {
                return Ok(self.pass_over(format!("{}/", path.display())));
            }
            return self.folder(&path);
        }
        if !metadata.is_file() {
            // Reading a pipe would wait for whoever writes into it.
            bail!("neither a file nor a folder");
        }
        if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zip")) {
            self.pending.push(Pending::Members(Arc::new(Archive::open(path)?), 0));
            return Ok(None);
        }
        Ok(Some(Met::File(InputFile::Plain(path))))
    }

    fn folder(&mut self, path: &Path) -> anyhow::Result<Option<Met>> {
        if !self.folders.insert(path.canonicalize()?) {
            return Ok(self.pass_over(format!("{}/ (the same folder again)", path.display())));
        }
        let entries = std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path()));
        let mut inside = entries.collect::<io::Result<Vec<_>>>()?;
        inside.sort();
        self.pending.extend(inside.into_iter().rev().map(Pending::Inside));
        Ok(None)
    }

    /// The member of an archive, unless it is no file or nobody meant to pack it. The next one comes next.
    fn member(&mut self, archive: Arc<Archive>, index: usize) -> Option<Met> {
        let member = archive.member(index)?;
        self.pending.push(Pending::Members(Arc::clone(&archive), index + 1));
        match member {
            Ok(name) => match clutter_of(name.as_ref()?) {
                Some(clutter) => self.pass_over(archive.place_of(clutter)),
                None => {
                    let name = name?;
                    Some(Met::File(InputFile::Member { archive, index, name }))
                }
            },
            Err(error) => {
                let place = archive.place_of(&format!("#{}", index + 1));
                Some(Met::Unreadable(error.context(place)))
            }
        }
    }
}

impl Iterator for Files {
    type Item = Met;

    fn next(&mut self) -> Option<Met> {
        loop {
            let met = match self.pending.pop()? {
                Pending::Argument(path) => {
                    self.folders.clear();
                    self.at(path, false)
                }
                Pending::Inside(path) => self.at(path, true),
                Pending::Members(archive, index) => self.member(archive, index),
            };
            if met.is_some() {
                return met;
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
