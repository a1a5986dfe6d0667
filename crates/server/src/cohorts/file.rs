//! The file of a cohort: CSV with a header, read row by row. The structure of the whole file is
//! checked; what a row says is not.

use std::io::{self, BufRead as _, BufReader, Chain, Cursor, Read};

use aws_lc_rs::digest;
use serde_json::{Map, Value};

use crate::api::body::shown;

/// Largest file taken, bytes.
pub(super) const LARGEST: u64 = 32 * 1024 * 1024;

/// Longest header of which the separator is looked for, bytes.
const HEADER: u64 = 64 * 1024;

/// The columns that there are, and the field of a registration that each is. The first says who it is.
const COLUMNS: [(&str, &str); 9] = [
    ("document", "username"),
    ("username", "username"),
    ("document_type", "username_type"),
    ("username_type", "username_type"),
    ("external_id", "external_id"),
    ("access_mode", "access_mode"),
    ("fetch_resources", "fetch_resources"),
    ("credentials_storage", "credentials_storage"),
    ("stale_in", "stale_in"),
];

/// Why a file is no cohort.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadFile {
    /// The header cannot be used; the column it is about, and why.
    #[error("{1}")]
    Header(String, String),
    /// A line has another number of fields than the header.
    #[error("Line {line} has {found} fields, and the header {expected}.")]
    Fields { line: u64, found: u64, expected: u64 },
    /// A line is no text.
    #[error("Line {0} is not UTF-8.")]
    NotUtf8(u64),
    /// More rows than are taken.
    #[error("More than {0} rows are not taken.")]
    TooMany(u64),
    /// No rows.
    #[error("There is no row after the header.")]
    Empty,
    /// It cannot be read to its end.
    #[error("The file cannot be read: {0}")]
    Read(#[from] io::Error),
}

/// The field of a registration that a column is.
pub(super) fn field_of(column: &str) -> Option<&'static str> {
    COLUMNS.iter().find(|(name, _)| *name == column).map(|(_, field)| *field)
}

/// What a text says about a field: a list where the field is one.
pub(super) fn value_of(field: &str, text: &str) -> Value {
    if field != "fetch_resources" {
        return Value::from(text);
    }
    let words = text.split([' ', ',', ';', '|']).filter(|word| !word.is_empty());
    words.map(Value::from).collect()
}

/// A row as the fields of a registration.
pub(super) struct FileRow {
    /// Its first line, the header being line 1.
    pub(super) line: i64,
    pub(super) fields: Map<String, Value>,
}

/// The header, which was read to find the separator, what follows it, and the end of its last line.
type Whole<R> = Chain<Chain<Cursor<Vec<u8>>, BufReader<Counted<R>>>, &'static [u8]>;

/// A file that is being read.
pub(super) struct CohortFile<R: Read> {
    csv: csv::Reader<Whole<R>>,
    fields: Vec<&'static str>,
    record: csv::StringRecord,
    rows: u64,
    most: u64,
}

impl<R: Read> CohortFile<R> {
    /// Reads the header; of the rows, at most `most` are taken.
    pub(super) fn open(contents: R, most: u64) -> Result<Self, BadFile> {
        let digest = digest::Context::new(&digest::SHA256);
        let counted = Counted { from: contents, bytes: 0, returned: false, digest };
        let (mut head, mut rest) = (Vec::new(), BufReader::new(counted));
        loop {
            let begun = head.len();
            rest.by_ref().take(HEADER).read_until(b'\n', &mut head)?;
            // Behind so many blank lines no header is looked for any more.
            let line = head.get(begun..).unwrap_or_default();
            if line.is_empty() || !line.trim_ascii().is_empty() || head.len() as u64 > HEADER {
                break;
            }
        }
        let mut csv = csv::ReaderBuilder::new()
            .delimiter(separator(&head))
            .trim(csv::Trim::All)
            .flexible(true)
            .from_reader(Cursor::new(head).chain(rest).chain(b"\n".as_slice()));
        let header = csv.headers().map_err(broken)?;
        let mut fields = Vec::with_capacity(header.len());
        for column in header {
            let refuse = |why: String| BadFile::Header(shown(column), why);
            let Some(field) = field_of(column) else {
                let known = COLUMNS.map(|(name, _)| name).join(", ");
                let why = format!("\"{}\" is no column. There are {known}.", shown(column));
                return Err(refuse(why));
            };
            if fields.contains(&field) {
                return Err(refuse("The header names it twice.".to_owned()));
            }
            fields.push(field);
        }
        if !fields.contains(&"username") {
            let why = "The header must name the column document.".to_owned();
            return Err(BadFile::Header("document".to_owned(), why));
        }
        Ok(Self { csv, fields, record: csv::StringRecord::new(), rows: 0, most })
    }

    /// The next row; `None` after the last.
    pub(super) fn next_row(&mut self) -> Result<Option<FileRow>, BadFile> {
        if !self.csv.read_record(&mut self.record).map_err(broken)? {
            return if self.rows == 0 { Err(BadFile::Empty) } else { Ok(None) };
        }
        self.rows += 1;
        if self.rows > self.most {
            return Err(BadFile::TooMany(self.most));
        }
        // Where it began is told as where the one before it ended, blank lines between them or not.
        let within = self.record.iter().map(|text| text.matches('\n').count() as u64).sum::<u64>();
        let line = self.csv.position().line().saturating_sub(1 + within);
        let (found, expected) = (self.record.len() as u64, self.fields.len() as u64);
        if found != expected {
            return Err(BadFile::Fields { line, found, expected });
        }
        let given = self.fields.iter().zip(&self.record).filter(|(_, text)| !text.is_empty());
        let fields = given.map(|(field, text)| ((*field).to_owned(), value_of(field, text)));
        Ok(Some(FileRow { line: i64::try_from(line).unwrap_or(0), fields: fields.collect() }))
    }

    /// SHA-256 of what was read.
    pub(super) fn sha256(self) -> [u8; 32] {
        let mut sha256 = [0; 32];
        let (whole, _) = self.csv.into_inner().into_inner();
        let (_, rest) = whole.into_inner();
        sha256.copy_from_slice(rest.into_inner().digest.finish().as_ref());
        sha256
    }
}

/// Between fields: spreadsheets write semicolons where the comma is for decimals, as in Colombia. No
/// column has either in its name.
fn separator(header: &[u8]) -> u8 {
    if header.contains(&b';') && !header.contains(&b',') { b';' } else { b',' }
}

fn broken(error: csv::Error) -> BadFile {
    let line = error.position().map_or(0, csv::Position::line);
    match error.into_kind() {
        csv::ErrorKind::Io(error) => BadFile::Read(error),
        csv::ErrorKind::Utf8 { .. } => BadFile::NotUtf8(line),
        _ => BadFile::Read(io::ErrorKind::InvalidData.into()),
    }
}

/// Counts and digests what is read, and stops at the largest file. Hands every end of a line on as one
/// line feed: one of two bytes would be counted when the next line has begun, and a carriage return alone
/// would be none.
struct Counted<R> {
    from: R,
    bytes: u64,
    /// Whether the last byte was a carriage return.
    returned: bool,
    digest: digest::Context,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.from.read(out)?;
            self.bytes += read as u64;
            if self.bytes > LARGEST {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            self.digest.update(&out[..read]);
            let mut kept = 0;
            for at in 0..read {
                let byte = out[at];
                let is_second = self.returned && byte == b'\n';
                self.returned = byte == b'\r';
                out[kept] = if self.returned { b'\n' } else { byte };
                kept += usize::from(!is_second);
            }
            if kept > 0 || read == 0 {
                return Ok(kept);
            }
        }
    }
}
