//! What may be registered: URLs, addresses, authorization values.
#![expect(clippy::too_many_lines, reason = "a table of spellings")]

use std::net::IpAddr;

use proptest::prelude::*;
use vinculo_webhook::{
    AuthorizationError, Rules, UrlError, authorization_header, check_address, check_url,
};

const PRIVATE: Rules = Rules { private: true, http: false, ports: Vec::new() };

#[test]
fn ordinary_public_urls_pass_and_keep_path_and_query() {
    let urls = [
        "https://example.com/hooks/belvo?token=a%20b",
        "https://hooks.example.co:8443/x",
        "https://example.com:443/",
        "https://example.com./",
        "https://93.184.216.34/hook",
        "https://[2606:2800:220:1:248:1893:25c8:1946]/hook",
        "https://mylocal.example.com/",
        "https://localhost.example.com/",
        "https://a.internal-tools.example/",
        "https://b\u{fc}cher.example/hook",
    ];
    for url in urls {
        assert!(check_url(url, &Rules::default()).is_ok(), "{url}");
    }
    let url = check_url(urls[0], &Rules::default()).unwrap();
    assert_eq!(url.path(), "/hooks/belvo");
    assert_eq!(url.query(), Some("token=a%20b"));
}

#[test]
fn every_spelling_of_a_refused_address_is_refused_at_registration() {
    let hosts = [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "127.255.255.254",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "127.0.0.1.",
        "0",
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "168.63.129.16",
        "169.254.169.254",
        "0xA9FEA9FE",
        "2852039166",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "\u{2460}\u{2461}\u{2466}.0.0.1",
        "\u{ff11}\u{ff12}\u{ff17}.0.0.1",
        "127\u{3002}0\u{3002}0\u{3002}1",
        "%31%32%37.0.0.1",
        "[::]",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::ffff:8.8.8.8]",
        "[::127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[64:ff9b::8.8.8.8]",
        "[64:ff9b:1::1]",
        "[100::1]",
        "[2001::1]",
        "[2001:0:53aa:64c::1]",
        "[2001:2::1]",
        "[2001:db8::1]",
        "[2002:7f00:1::]",
        "[2002:a9fe:a9fe::1]",
        "[3fff::1]",
        "[5f00::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[febf::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[4000::1]",
        "[1fff::1]",
    ];
    for host in hosts {
        let url = format!("https://{host}/hook");
        let result = check_url(&url, &Rules::default());
        assert!(matches!(result, Err(UrlError::Refused(_))), "{url}: {result:?}");
    }
}

#[test]
fn names_that_mean_something_only_inside_are_refused() {
    let hosts = [
        "localhost",
        "LOCALHOST",
        "localhost.",
        "foo.localhost",
        "foo.localhost.",
        "printer.local",
        "metadata.google.internal",
        "router.home.arpa",
        "db.localdomain",
        "receiver",
        "x.onion",
        "\u{24db}\u{24de}\u{24d2}\u{24d0}\u{24db}\u{24d7}\u{24de}\u{24e2}\u{24e3}",
    ];
    for host in hosts {
        let url = format!("https://{host}/hook");
        assert_eq!(check_url(&url, &Rules::default()).unwrap_err(), UrlError::LocalName, "{url}");
    }
}

#[test]
fn urls_that_parsers_read_differently_are_refused() {
    use UrlError::{Fragment, Port, Scheme, TooLong, UnsafeCharacter, UserInfo};
    let long = format!("https://example.com/{}", "a".repeat(2048));
    let cases = [
        ("http://example.com/", Scheme),
        ("ftp://example.com/", Scheme),
        ("file:///etc/passwd", Scheme),
        ("gopher://example.com/", Scheme),
        ("https://user@example.com/", UserInfo),
        ("https://user:secret@example.com/", UserInfo),
        ("https://@example.com/", UserInfo),
        ("https://:@example.com/", UserInfo),
        ("https://127.0.0.1@example.com/", UserInfo),
        ("https://example.com#@127.0.0.1/", Fragment),
        ("https://example.com/#x", Fragment),
        ("https://example.com\\@127.0.0.1/", UnsafeCharacter),
        ("https:\\\\example.com/", UnsafeCharacter),
        ("https://127.0.\t0.1/", UnsafeCharacter),
        ("https://exam\nple.com/", UnsafeCharacter),
        (" https://example.com/", UnsafeCharacter),
        ("https://example.com/a b", UnsafeCharacter),
        ("https://example.com/\0", UnsafeCharacter),
        ("https://example.com\u{a0}/", UnsafeCharacter),
        ("https://example.com:0/", Port(0)),
        ("https://example.com:22/", Port(22)),
        ("https://example.com:25/", Port(25)),
        ("https://example.com:5432/", Port(5432)),
        ("https://example.com:6379/", Port(6379)),
        (long.as_str(), TooLong(long.len())),
    ];
    for (url, expected) in cases {
        assert_eq!(check_url(url, &Rules::default()).unwrap_err(), expected, "{url:?}");
    }
    for url in
        ["", "example.com", "/hook", "https://", "https://[fe80::1%25eth0]/", "https://:443/"]
    {
        assert!(matches!(check_url(url, &Rules::default()), Err(UrlError::Invalid(_))), "{url:?}");
    }
    assert!(check_url("https://example.com:99999/", &Rules::default()).is_err());
}

#[test]
fn development_lets_loopback_through_but_not_everything() {
    for url in ["http://127.0.0.1:9/hook", "http://localhost:8081/", "http://[::1]:5432/"] {
        assert!(check_url(url, &PRIVATE).is_ok(), "{url}");
    }
    assert_eq!(check_url("http://127.0.0.1:0/", &PRIVATE).unwrap_err(), UrlError::Port(0));
    assert_eq!(check_url("http://a@127.0.0.1/", &PRIVATE).unwrap_err(), UrlError::UserInfo);
    assert_eq!(check_url("file:///x", &PRIVATE).unwrap_err(), UrlError::Scheme);
}

#[test]
fn schemes_and_ports_are_those_that_were_allowed() {
    let http = Rules { http: true, ..Rules::default() };
    let listed = Rules { ports: vec![443, 22], ..Rules::default() };
    let both = Rules { ports: vec![9], ..PRIVATE };
    for (url, rules, expected) in [
        ("http://example.com/", &Rules::default(), Some(UrlError::Scheme)),
        ("http://example.com/", &http, None),
        ("http://10.0.0.1/", &http, check_url("https://10.0.0.1/", &Rules::default()).err()),
        ("ftp://example.com/", &http, Some(UrlError::Scheme)),
        ("https://example.com/", &listed, None),
        ("https://example.com:22/", &listed, None),
        ("https://example.com:22/", &Rules::default(), Some(UrlError::Port(22))),
        ("https://example.com:9200/", &Rules::default(), Some(UrlError::Port(9200))),
        ("https://example.com:8500/", &Rules::default(), Some(UrlError::Port(8500))),
        ("https://example.com:8080/", &Rules::default(), None),
        ("http://example.com:80/", &http, None),
        ("https://example.com:10250/", &Rules::default(), Some(UrlError::Port(10250))),
        ("https://example.com:8443/", &Rules::default(), None),
        ("https://example.com:8443/", &listed, Some(UrlError::Port(8443))),
        ("http://127.0.0.1:9/", &both, None),
        ("http://127.0.0.1:80/", &both, Some(UrlError::Port(80))),
    ] {
        assert_eq!(check_url(url, rules).err(), expected, "{url} {rules:?}");
    }
}

#[test]
fn url_errors_repeat_nothing_of_the_url() {
    for url in ["https://example.com:22/s3cret?s3cret", "https://s3cret@example.com/", "s3cret"] {
        let error = check_url(url, &Rules::default()).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("s3cret"));
    }
}

#[test]
fn range_borders_are_exact() {
    let public = [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "168.63.129.15",
        "168.63.129.17",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.88.98.255",
        "192.88.100.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "198.51.101.0",
        "203.0.112.255",
        "203.0.114.0",
        "223.255.255.255",
        "2001:200::",
        "2001:db7:ffff::",
        "2001:db9::",
        "2003::",
        "2000::",
        "3fff:1000::",
        "3ffe:ffff::",
        "2606:4700::1111",
    ];
    for text in public {
        let address: IpAddr = text.parse().unwrap();
        assert_eq!(check_address(address), Ok(()), "{text}");
    }
}

#[test]
fn authorization_values_follow_the_contract() {
    let cases = [
        ("Bearer abc.def", "Bearer abc.def"),
        ("Basic dXNlcjpwYXNz", "Basic dXNlcjpwYXNz"),
        ("basic dXNlcjpwYXNz", "basic dXNlcjpwYXNz"),
        ("ApiKey a b c", "ApiKey a b c"),
        ("abc.def==", "Bearer abc.def=="),
        ("  abc\t", "Bearer abc"),
        ("Basically", "Bearer Basically"),
    ];
    for (value, expected) in cases {
        assert_eq!(authorization_header(value).as_deref(), Ok(expected), "{value}");
    }
    use AuthorizationError::{Empty, NotAScheme, TooLong, UnsafeCharacter};
    let long = "a".repeat(4097);
    let refused = [
        ("", Empty),
        (" \t", Empty),
        ("Bearer", Empty),
        ("bearer ", Empty),
        ("BASIC", Empty),
        ("a\r\nX-Injected: 1", UnsafeCharacter),
        ("a\0", UnsafeCharacter),
        ("contrase\u{f1}a", UnsafeCharacter),
        ("a/b== c", NotAScheme),
        ("1st word", NotAScheme),
        (long.as_str(), TooLong(4097)),
    ];
    for (value, expected) in refused {
        assert_eq!(authorization_header(value), Err(expected), "{value:?}");
    }
}

proptest! {
    #[test]
    fn no_accepted_url_names_a_refused_address(bits: u32, form in 0_u8..4) {
        let [a, b, c, d] = bits.to_be_bytes();
        let host = match form {
            0 => format!("{a}.{b}.{c}.{d}"),
            1 => bits.to_string(),
            2 => format!("{bits:#x}"),
            _ => format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
        };
        let public = check_address(IpAddr::from([a, b, c, d])).is_ok();
        prop_assert_eq!(check_url(&format!("https://{host}/"), &Rules::default()).is_ok(), public, "{}", host);
    }

    #[test]
    fn an_ipv4_address_inside_an_ipv6_one_is_never_reached(bits: u32) {
        let low = u128::from(bits);
        let carriers = [
            low,
            0xffff << 32 | low,
            0x0064_ff9b << 96 | low,
            0x2002 << 112 | low << 80,
            0x2001_0000 << 96 | low,
        ];
        for carrier in carriers {
            let address = IpAddr::from(carrier.to_be_bytes());
            prop_assert!(check_address(address).is_err(), "{}", address);
        }
    }

    #[test]
    fn any_text_is_judged_without_panic_and_accepted_urls_stay_accepted(url in "\\PC{0,60}") {
        for text in [url.clone(), format!("https://{url}"), format!("http://{url}/x")] {
            if let Ok(accepted) = check_url(&text, &PRIVATE) {
                prop_assert!(check_url(accepted.as_str(), &PRIVATE).is_ok());
            }
        }
    }

    #[test]
    fn any_accepted_authorization_is_one_safe_header_and_stays_as_it_is(value in "\\PC{0,40}") {
        if let Ok(header) = authorization_header(&value) {
            prop_assert!(header.bytes().all(|byte| (b' '..=b'~').contains(&byte)));
            prop_assert_eq!(authorization_header(&header), Ok(header));
        }
    }
}
