//! When a certificate ends, read from its DER (RFC 5280, section 4.1). Everything else about it is the
//! business of TLS.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz;

const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The end of a certificate's validity; `None` for what is no certificate.
pub(super) fn ends_at(mut der: &[u8]) -> Option<Timestamp> {
    let (_, mut certificate) = element(&mut der)?;
    let (_, mut signed) = element(&mut certificate)?;
    let (first, _) = element(&mut signed)?;
    // Serial number, algorithm, issuer; before them a version, or not.
    for _ in 0..if first == VERSION { 3 } else { 2 } {
        element(&mut signed)?;
    }
    let (_, mut validity) = element(&mut signed)?;
    element(&mut validity)?;
    let (kind, text) = element(&mut validity)?;
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let text = match kind {
        // Two digits stand for 1950 to 2049.
        UTC_TIME if text.get(..2)? < "50" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let at = DateTime::strptime("%Y%m%d%H%M%S", text).ok()?;
    tz::offset(0).to_timestamp(at).ok()
}

/// Takes the next element: its kind and what is in it.
fn element<'a>(der: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&[kind, short], rest) = der.split_first_chunk()?;
    let (length, rest) = match short {
        ..=0x7f => (usize::from(short), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
            (digits.iter().fold(0, |all, digit| all << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    *der = rest;
    Some((kind, content))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio_rustls::rustls::pki_types::CertificateDer;
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;

    use super::*;

    fn first() -> CertificateDer<'static> {
        let pem = include_bytes!("../../tests/it/tls_files/first.pem");
        CertificateDer::from_pem_slice(pem).unwrap()
    }

    #[test]
    fn the_end_of_a_certificate_is_read() {
        // As `openssl x509 -enddate` has it.
        assert_eq!(ends_at(&first()), Some("2126-11-01T19:31:34Z".parse().unwrap()));
    }

    #[test]
    fn years_of_two_digits_are_of_two_centuries() {
        let ends = |year: &str| {
            let time = format!("{year}0102030405Z");
            let (kind, length) = (if year.len() == 2 { 0x17 } else { 0x18 }, time.len() as u8);
            let validity = [&[0x17, 0, kind, length], time.as_bytes()].concat();
            let signed =
                [&[2, 0, 0x30, 0, 0x30, 0, 0x30, validity.len() as u8][..], &validity].concat();
            let body = [&[0x30, signed.len() as u8][..], &signed].concat();
            ends_at(&[&[0x30, body.len() as u8][..], &body].concat()).map(|at| at.to_string())
        };
        for (year, expected) in [("49", "2049"), ("50", "1950"), ("2050", "2050")] {
            assert_eq!(ends(year), Some(format!("{expected}-01-02T03:04:05Z")));
        }
        assert_eq!(ends("xx"), None);
    }

    proptest! {
        #[test]
        fn nothing_else_is_read_as_one(cut in 0_usize..600, noise in any::<Vec<u8>>()) {
            let der = first();
            let cut = cut.min(der.len() - 1);
            prop_assert_eq!(ends_at(&der[..cut]), None);
            let _ = ends_at(&noise);
        }
    }
}
