use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use crate::aead::KEY_LEN;
use crate::{MasterKeyError, Random, RandomError};

const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);

/// A 256-bit key given by whoever runs the installation, and the version wrapped keys name it by.
///
/// Wiped from memory when dropped.
#[derive(Clone)]
pub struct MasterKey {
    version: u32,
    bytes: Zeroizing<[u8; KEY_LEN]>,
}

impl MasterKey {
    /// Reads 64 hexadecimal digits or the base64 of 32 bytes (either alphabet, padded or not);
    /// white space around it is ignored.
    pub fn parse(version: u32, text: &str) -> Result<Self, MasterKeyError> {
        let text = text.trim();
        let bytes = if text.len() == 2 * KEY_LEN { from_hex(text) } else { from_base64(text) };
        let bytes = bytes.ok_or(MasterKeyError::NotAKey { version })?;
        Ok(Self { version, bytes })
    }

    /// A new random key.
    pub fn generate(version: u32, random: &dyn Random) -> Result<Self, RandomError> {
        let mut bytes = Zeroizing::new([0; KEY_LEN]);
        random.fill(bytes.as_mut_slice())?;
        Ok(Self { version, bytes })
    }

    /// The version.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.version
    }

    /// Whether every byte is the same: a placeholder that somebody forgot, and no random key.
    #[must_use]
    pub fn is_placeholder(&self) -> bool {
        self.bytes.iter().all(|byte| *byte == self.bytes[0])
    }

    /// 64 hexadecimal digits, for the key file.
    #[must_use]
    pub fn to_hex(&self) -> Zeroizing<String> {
        let mut out = Zeroizing::new(String::with_capacity(2 * KEY_LEN));
        for nibble in self.bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
            out.push(char::from_digit(u32::from(nibble), 16).unwrap_or_default());
        }
        out
    }

    pub(crate) fn bytes(&self) -> &[u8; KEY_LEN] {
        &self.bytes
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey(version {}, [redacted])", self.version)
    }
}

/// Every master key of the installation. The highest version wraps new keys; the others still
/// open what they wrapped.
#[derive(Clone)]
pub struct MasterKeys {
    older: BTreeMap<u32, MasterKey>,
    current: MasterKey,
}

impl MasterKeys {
    /// From keys in any order; at least one, no version twice.
    pub fn new(keys: impl IntoIterator<Item = MasterKey>) -> Result<Self, MasterKeyError> {
        let mut by_version = BTreeMap::new();
        for key in keys {
            let version = key.version;
            if by_version.insert(version, key).is_some() {
                return Err(MasterKeyError::Repeated { version });
            }
        }
        let (_, current) = by_version.pop_last().ok_or(MasterKeyError::Missing)?;
        Ok(Self { older: by_version, current })
    }

    /// Reads either one bare key, which is version 1, or entries `<version>:<key>` separated by
    /// white space or commas. See [`MasterKey::parse`] for what a key looks like.
    pub fn parse(text: &str) -> Result<Self, MasterKeyError> {
        let entries = || {
            text.split(|c: char| c.is_whitespace() || c == ',').filter(|entry| !entry.is_empty())
        };
        if let (Some(bare), None) = (entries().next(), entries().nth(1))
            && !bare.contains(':')
        {
            return Self::new([MasterKey::parse(1, bare)?]);
        }
        let keys: Result<Vec<_>, _> =
            entries().enumerate().map(|(index, entry)| parse_entry(index + 1, entry)).collect();
        Self::new(keys?)
    }

    /// A new installation's keys: one random key, version 1.
    pub fn generate(random: &dyn Random) -> Result<Self, RandomError> {
        Ok(Self { older: BTreeMap::new(), current: MasterKey::generate(1, random)? })
    }

    /// The key that wraps new keys.
    #[must_use]
    pub const fn current(&self) -> &MasterKey {
        &self.current
    }

    /// Every key, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &MasterKey> {
        self.older.values().chain([&self.current])
    }

    /// What [`MasterKeys::parse`] reads: one `<version>:<hex>` a line.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut out = Zeroizing::new(String::with_capacity(80 * (self.older.len() + 1)));
        for key in self.iter() {
            out.push_str(&key.version.to_string());
            out.push(':');
            out.push_str(&key.to_hex());
            out.push('\n');
        }
        out
    }
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

fn parse_entry(entry: usize, text: &str) -> Result<MasterKey, MasterKeyError> {
    let not_a_version = MasterKeyError::NotAVersion { entry };
    let (version, key) = text.split_once(':').ok_or(not_a_version)?;
    let version = version.parse().ok().filter(|&version| version > 0).ok_or(not_a_version)?;
    MasterKey::parse(version, key)
}

fn from_hex(text: &str) -> Option<Zeroizing<[u8; KEY_LEN]>> {
    let mut out = Zeroizing::new([0; KEY_LEN]);
    for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    Some(out)
}

fn from_base64(text: &str) -> Option<Zeroizing<[u8; KEY_LEN]>> {
    let engine = if text.contains(['-', '_']) { URL_SAFE } else { STANDARD };
    let decoded = Zeroizing::new(engine.decode(text).ok()?);
    let mut out = Zeroizing::new([0; KEY_LEN]);
    if decoded.len() != KEY_LEN {
        return None;
    }
    out.copy_from_slice(&decoded);
    Some(out)
}
