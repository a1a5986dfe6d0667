//! `X-Forwarded-For`, `-Proto` and `-Host`, and `Forwarded` (RFC 7239).
//!
//! Proxies append what they see, so these lists are read from the right: the first address that is
//! no trusted proxy is the client, and whatever stands left of it is the client's own word.

use std::net::{IpAddr, SocketAddr};

use http::uri::Authority;
use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

use super::{Client, is_trusted};

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The client behind `peer`: itself, unless it is a trusted proxy that names another.
///
/// Few proxies write `Forwarded`, and one that does not passes on what a client put there: it is
/// read only when no `X-Forwarded-` header is there.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Client {
    let peer = peer.to_canonical();
    let itself = Client { address: Some(peer), ..Client::default() };
    if !is_trusted(peer, trusted) {
        return itself;
    }
    if [FOR, PROTO, HOST].iter().any(|name| headers.contains_key(name)) {
        return by_x_forwarded(peer, headers, trusted);
    }
    by_forwarded(peer, headers, trusted)
}

fn by_x_forwarded(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Client {
    // These lists know no quotes: what a client opened would swallow what its proxy added.
    let list = |name: &HeaderName| -> Vec<String> {
        let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
        let parts = lines.flat_map(|line| line.split(','));
        parts.map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
    };
    let hops: Vec<_> = list(&FOR).iter().map(|hop| address(hop)).collect();
    let (address, place) = walk(peer, &hops, trusted);
    // A list of the same length has a value of each proxy; else the last was written by ours.
    let of_client = |values: Vec<String>| {
        let place = if values.len() == hops.len() { place } else { values.len().checked_sub(1)? };
        values.into_iter().nth(place)
    };
    Client {
        address: Some(address),
        scheme: of_client(list(&PROTO)).and_then(|value| scheme(&value)),
        host: of_client(list(&HOST)).and_then(host),
    }
}

fn by_forwarded(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> Client {
    let elements = split(headers, &http::header::FORWARDED, ',');
    let elements: Vec<_> = elements.iter().map(|element| pairs(element)).collect();
    let value = |element: &[(String, String)], name: &str| {
        element.iter().find(|pair| pair.0 == name).map(|pair| pair.1.clone())
    };
    let hops: Vec<_> = elements.iter().map(|element| address(&value(element, "for")?)).collect();
    let (address, place) = walk(peer, &hops, trusted);
    // What the client's own proxy did not write, one nearer to us may have.
    let of_client =
        |name| elements.get(place..).unwrap_or_default().iter().find_map(|it| value(it, name));
    Client {
        address: Some(address),
        scheme: of_client("proto").and_then(|value| scheme(&value)),
        host: of_client("host").and_then(host),
    }
}

/// The client's address and its place in the list. An entry that is no address ends the walk:
/// nobody vouches for what stands left of it.
fn walk(peer: IpAddr, hops: &[Option<IpAddr>], trusted: &[IpNet]) -> (IpAddr, usize) {
    let (mut client, mut place) = (peer, hops.len());
    for (index, hop) in hops.iter().enumerate().rev() {
        place = index;
        let Some(hop) = *hop else { break };
        client = hop;
        if !is_trusted(hop, trusted) {
            break;
        }
    }
    (client, place)
}

/// The values of a header, over all of its lines, separated outside quotes.
fn split(headers: &HeaderMap, name: &HeaderName, separator: char) -> Vec<String> {
    let lines = headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| split_text(line, separator)).collect()
}

fn split_text(text: &str, separator: char) -> Vec<String> {
    let (mut parts, mut quoted, mut escaped) = (vec![String::new()], false, false);
    for c in text.chars() {
        if c == separator && !quoted {
            parts.push(String::new());
            continue;
        }
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts.iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

/// The pairs of one `Forwarded` element; names in small letters, values without quotes.
fn pairs(element: &str) -> Vec<(String, String)> {
    let pairs = split_text(element, ';').into_iter();
    pairs
        .filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            Some((name.trim().to_ascii_lowercase(), unquoted(value.trim())))
        })
        .collect()
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        return value.to_owned();
    };
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        text.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    text
}

/// An address with or without a port; an IPv6 address with or without brackets.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|it| it.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

fn scheme(value: &str) -> Option<&'static str> {
    ["http", "https"].into_iter().find(|scheme| value.eq_ignore_ascii_case(scheme))
}

fn host(value: String) -> Option<String> {
    is_host(&value).then_some(value)
}

/// Whether this is a host, with or without a port, and nothing else that an address can hold.
pub(super) fn is_host(value: &str) -> bool {
    value.parse::<Authority>().is_ok_and(|host| !host.as_str().contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROXY: &str = "10.0.0.1";

    fn of(peer: &str, lines: &[(&'static str, &'static str)]) -> Client {
        let trusted = ["10.0.0.0/8".parse().unwrap(), "2001:db8:1::/48".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        client(peer.parse().unwrap(), &headers, &trusted)
    }

    fn client_is(client: &Client, address: &str, scheme: Option<&str>, host: Option<&str>) {
        let found = (client.address.unwrap().to_string(), client.scheme, client.host.as_deref());
        assert_eq!(found, (address.to_owned(), scheme, host));
    }

    #[test]
    fn a_stranger_is_not_believed() {
        let lines = [
            ("x-forwarded-for", "192.0.2.1"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "elsewhere.example.test"),
            ("forwarded", "for=192.0.2.1;proto=https;host=elsewhere.example.test"),
        ];
        client_is(&of("203.0.113.9", &lines), "203.0.113.9", None, None);
        client_is(&of("2001:db8:2::1", &lines), "2001:db8:2::1", None, None);
    }

    #[test]
    fn the_client_is_the_nearest_that_is_no_proxy() {
        for (list, address) in [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:4711", "192.0.2.1"),
            ("2001:db8:2::1", "2001:db8:2::1"),
            ("[2001:db8:2::1]:4711", "2001:db8:2::1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("198.51.100.66, 192.0.2.1", "192.0.2.1"),
            ("198.51.100.66, 192.0.2.1, 10.0.0.2,10.0.0.3", "192.0.2.1"),
            ("198.51.100.66, 192.0.2.1, 2001:db8:1::7", "192.0.2.1"),
            ("10.0.0.2, 10.0.0.3", "10.0.0.2"),
            ("192.0.2.1, unknown", PROXY),
            ("192.0.2.1, unknown, 10.0.0.3", "10.0.0.3"),
            ("", PROXY),
            (", ,", PROXY),
        ] {
            client_is(&of(PROXY, &[("x-forwarded-for", list)]), address, None, None);
        }
        let lines = [("x-forwarded-for", "198.51.100.66"), ("x-forwarded-for", "192.0.2.1")];
        client_is(&of("::ffff:10.0.0.1", &lines), "192.0.2.1", None, None);
    }

    #[test]
    fn scheme_and_host_are_those_the_client_used() {
        let with = |hops, proto, host| {
            let names = ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"];
            let values = [hops, proto, host];
            let lines: Vec<_> = names.into_iter().zip(values).collect();
            of(PROXY, &lines)
        };
        let api = Some("api.example.test:8443");
        for (hops, proto, host) in [
            ("192.0.2.1", "https", "api.example.test:8443"),
            ("192.0.2.1", "HTTPS", "api.example.test:8443"),
            ("198.51.100.66, 192.0.2.1", "https", "api.example.test:8443"),
            ("198.51.100.66, 192.0.2.1", "http,https", "a.example.test, api.example.test:8443"),
            ("192.0.2.1, 10.0.0.2", "https, http", "api.example.test:8443, inner"),
        ] {
            client_is(&with(hops, proto, host), "192.0.2.1", Some("https"), api);
        }
        for host in ["a/b", "user@a.example.test", "a b", "a?b", "a#b", "\\"] {
            client_is(&with("192.0.2.1", "gopher", host), "192.0.2.1", None, None);
        }
    }

    #[test]
    fn the_standard_header_is_read_where_no_other_is() {
        for (line, address, scheme, host) in [
            ("for=192.0.2.1;proto=https;host=a.test", "192.0.2.1", Some("https"), Some("a.test")),
            ("For=\"192.0.2.1:80\"; Proto=http", "192.0.2.1", Some("http"), None),
            ("for=\"[2001:db8:2::1]:4711\"", "2001:db8:2::1", None, None),
            (
                "for=198.51.100.66;host=x.test, for=192.0.2.1;proto=https",
                "192.0.2.1",
                Some("https"),
                None,
            ),
            (
                "for=192.0.2.1, for=10.0.0.2;proto=https;host=\"a.test:1\"",
                "192.0.2.1",
                Some("https"),
                Some("a.test:1"),
            ),
            ("for=192.0.2.1, for=_hidden;proto=https", PROXY, Some("https"), None),
            ("for=\"a,b;c\\\"\"; proto=https", PROXY, Some("https"), None),
            ("by=10.0.0.9", PROXY, None, None),
            ("nonsense", PROXY, None, None),
            ("for=\"192.0.2.1", PROXY, None, None),
        ] {
            client_is(&of(PROXY, &[("forwarded", line)]), address, scheme, host);
        }
        let both =
            [("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=198.51.100.66;proto=https")];
        client_is(&of(PROXY, &both), "192.0.2.1", None, None);
    }
}
