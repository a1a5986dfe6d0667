//! What a disk holds after a power failure, made of what `power.c` wrote down.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::Dice;

/// A disk writes so many bytes or none of them; an old one, and a new one.
const SECTORS: [usize; 2] = [512, 4096];

/// A change of a file that the disk may not have yet.
enum Change {
    Written(usize, Vec<u8>),
    Cut(usize),
}

/// A change of the names in a folder that the disk may not have yet.
enum Naming {
    Named(PathBuf, u64),
    Gone(PathBuf),
}

#[derive(Default)]
struct File {
    /// What the disk has for certain.
    synced: Vec<u8>,
    pending: Vec<Change>,
    touched: bool,
}

/// A folder as its disk has it.
#[derive(Default)]
pub(super) struct Disk {
    files: HashMap<u64, File>,
    names: BTreeMap<PathBuf, u64>,
    /// By the folder's number, in order.
    namings: HashMap<u64, Vec<Naming>>,
    folders: HashMap<PathBuf, u64>,
    /// Every name that there ever was.
    known: BTreeSet<PathBuf>,
    /// It says that it has synced, and has not.
    lies: bool,
}

/// How much of what was not synced the disk has lost.
#[derive(Default)]
pub(super) struct Lost {
    pub(super) sectors: usize,
    pub(super) names: usize,
    /// Failures in which anything was.
    pub(super) failures: usize,
}

impl Lost {
    pub(super) fn add(&mut self, other: &Self) {
        self.sectors += other.sectors;
        self.names += other.names;
        self.failures += usize::from(other.sectors + other.names > 0);
    }
}

impl Disk {
    /// A folder all of which is on the disk. One that lies says that it has synced, and has not.
    pub(super) fn of(folder: &Path, lies: bool) -> anyhow::Result<Self> {
        let mut disk = Self { lies, ..Self::default() };
        disk.read(folder)?;
        Ok(disk)
    }

    fn read(&mut self, folder: &Path) -> anyhow::Result<()> {
        self.folders.insert(folder.to_owned(), fs::metadata(folder)?.ino());
        for entry in fs::read_dir(folder)? {
            let (path, about) = entry.and_then(|entry| Ok((entry.path(), entry.metadata()?)))?;
            if about.is_dir() {
                self.read(&path)?;
            } else {
                let synced = fs::read(&path)?;
                self.files.insert(about.ino(), File { synced, ..File::default() });
                self.known.insert(path.clone());
                self.names.insert(path, about.ino());
            }
        }
        Ok(())
    }

    /// Does what a journal says.
    pub(super) fn play(&mut self, journal: &[u8]) -> anyhow::Result<()> {
        let mut rest = journal;
        // The last record may be cut off: its write was not acknowledged to anybody.
        while let Some((head, tail)) = rest.split_first_chunk::<32>() {
            let mut numbers = head
                .chunks_exact(8)
                .map(|number| number.try_into().map(u64::from_ne_bytes).context("eight bytes"));
            let mut next = || numbers.next().context("a number")?;
            let (kind, inode) = (next()?, next()?);
            let (offset, length) = (usize::try_from(next()?)?, usize::try_from(next()?)?);
            let Some((bytes, after)) = tail.split_at_checked(length) else { break };
            rest = after;
            match kind {
                1 => self.opened(inode, text(bytes)?, offset == 1),
                2 => self.change(inode, Change::Written(offset, bytes.to_vec())),
                3 => self.change(inode, Change::Cut(offset)),
                4 if self.lies => {}
                4 => self.synced(inode),
                5 => self.rename(text(bytes)?, None)?,
                6 => {
                    let end = bytes.iter().position(|byte| *byte == 0).context("one name")?;
                    self.rename(text(&bytes[..end])?, Some(text(&bytes[end + 1..])?))?;
                }
                other => bail!("a record of kind {other}"),
            }
        }
        Ok(())
    }

    fn opened(&mut self, inode: u64, path: PathBuf, is_new: bool) {
        if is_new {
            self.files.insert(inode, File { touched: true, ..File::default() });
            self.name(path, Some(inode));
        }
    }

    fn name(&mut self, path: PathBuf, inode: Option<u64>) {
        let folder = path.parent().and_then(|parent| self.folders.get(parent)).copied();
        self.known.insert(path.clone());
        let naming = match inode {
            Some(inode) => Naming::Named(path, inode),
            None => Naming::Gone(path),
        };
        self.namings.entry(folder.unwrap_or_default()).or_default().push(naming);
    }

    fn rename(&mut self, from: PathBuf, to: Option<PathBuf>) -> anyhow::Result<()> {
        if let Some(to) = to {
            let inode = self.named_now(&from).context("a file nobody made is renamed")?;
            self.name(to, Some(inode));
        }
        self.name(from, None);
        Ok(())
    }

    fn named_now(&self, path: &Path) -> Option<u64> {
        let pending = self.namings.values().flatten().filter_map(|naming| match naming {
            Naming::Named(name, inode) if name == path => Some(*inode),
            _ => None,
        });
        pending.last().or_else(|| self.names.get(path).copied())
    }

    fn change(&mut self, inode: u64, change: Change) {
        let file = self.files.entry(inode).or_default();
        file.touched = true;
        file.pending.push(change);
    }

    /// A file, or the names in a folder.
    fn synced(&mut self, inode: u64) {
        for naming in self.namings.remove(&inode).into_iter().flatten() {
            apply_name(&mut self.names, &naming);
        }
        if let Some(file) = self.files.get_mut(&inode) {
            for change in std::mem::take(&mut file.pending) {
                apply(&mut file.synced, &change, || true, SECTORS[0]);
            }
        }
    }

    /// Whether the journal tells of everything that was done to the folder, which is as a killed
    /// process left it.
    pub(super) fn is_complete(&self) -> bool {
        let mut names = self.names.clone();
        for naming in self.namings.values().flatten() {
            apply_name(&mut names, naming);
        }
        let named = |path: &&PathBuf| !is_mapped(path);
        self.known.iter().filter(named).all(|path| {
            let file = names.get(path).and_then(|inode| self.files.get(inode));
            let expected = file.map(|file| {
                let mut contents = file.synced.clone();
                for change in &file.pending {
                    apply(&mut contents, change, || true, SECTORS[0]);
                }
                contents
            });
            expected == fs::read(path).ok()
        })
    }

    /// Makes the folder what the disk holds when the power fails now: of what was not synced some
    /// sectors, in no order, and of the names that were changed in each folder the first few.
    pub(super) fn fail(mut self, dice: &mut Dice) -> anyhow::Result<Lost> {
        let mut lost = Lost::default();
        let sector = SECTORS[usize::from(dice.below(2) == 1)];
        // From nothing to everything; of a disk that lies nothing, or nobody could start on it.
        let kept = if self.lies { 0 } else { dice.below(11) };
        for namings in std::mem::take(&mut self.namings).into_values() {
            let most = if self.lies { 0 } else { namings.len() as u64 };
            let first = usize::try_from(dice.below(most + 1))?;
            lost.names += namings.len() - first;
            namings.iter().take(first).for_each(|one| apply_name(&mut self.names, one));
        }
        for path in &self.known {
            let held = self.names.get(path).and_then(|inode| self.files.get_mut(inode));
            let Some(file) = held.filter(|_| !is_mapped(path)) else {
                let _ = fs::remove_file(path);
                continue;
            };
            for change in std::mem::take(&mut file.pending) {
                let choose = || {
                    let keeps = dice.below(10) < kept;
                    lost.sectors += usize::from(!keeps);
                    keeps
                };
                apply(&mut file.synced, &change, choose, sector);
            }
            // One that was removed or replaced, and whose removal is lost, is there again.
            let is_there =
                fs::metadata(path).is_ok_and(|it| Some(&it.ino()) == self.names.get(path));
            if file.touched || !is_there {
                // In place: its owner and mode stay.
                fs::write(path, &file.synced)?;
            }
        }
        Ok(lost)
    }
}

fn text(bytes: &[u8]) -> anyhow::Result<PathBuf> {
    Ok(PathBuf::from(std::str::from_utf8(bytes)?))
}

/// Whether it is written by mapped memory, which is no part of what survives.
fn is_mapped(path: &Path) -> bool {
    path.to_string_lossy().ends_with("-shm")
}

fn apply_name(names: &mut BTreeMap<PathBuf, u64>, naming: &Naming) {
    match naming {
        Naming::Named(path, inode) => names.insert(path.clone(), *inode),
        Naming::Gone(path) => names.remove(path),
    };
}

/// Does those sectors of a change that are chosen.
fn apply(contents: &mut Vec<u8>, change: &Change, mut choose: impl FnMut() -> bool, sector: usize) {
    match change {
        Change::Cut(length) if choose() => contents.resize(*length, 0),
        Change::Cut(_) => {}
        Change::Written(offset, bytes) => {
            let (mut at, mut left) = (*offset, bytes.as_slice());
            while !left.is_empty() {
                let (piece, rest) = left.split_at((sector - at % sector).min(left.len()));
                if choose() {
                    contents.resize(contents.len().max(at + piece.len()), 0);
                    contents[at..at + piece.len()].copy_from_slice(piece);
                }
                (at, left) = (at + piece.len(), rest);
            }
        }
    }
}
