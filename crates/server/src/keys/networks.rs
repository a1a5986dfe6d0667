//! Networks a key may be used from.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};

/// A list of networks; an empty one is every address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

/// A text that is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an address or a network, such as 10.0.0.7 or 10.0.0.0/8")]
pub struct NetworkError;

/// A network: an address, or an address and the length of its prefix. Bits beyond the prefix are
/// dropped, and an IPv4 network written as IPv6 is one of IPv4: that is how clients are known.
///
/// # Errors
/// When it is neither.
pub fn parse_network(text: &str) -> Result<IpNet, NetworkError> {
    let text = text.trim();
    let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
    let network = network.map_err(|_| NetworkError)?;
    if let IpNet::V6(mapped) = network
        && let Some(address) = mapped.addr().to_ipv4_mapped()
        && let Some(length) = mapped.prefix_len().checked_sub(96)
    {
        return Ok(Ipv4Net::new(address, length).map_err(|_| NetworkError)?.trunc().into());
    }
    Ok(network.trunc())
}

impl Networks {
    /// Whether a client at this address may use the key. One whose address is not known may not,
    /// unless every address may.
    #[must_use]
    pub fn allow(&self, address: Option<IpAddr>) -> bool {
        let inside = |address: IpAddr| self.0.iter().any(|network| network.contains(&address));
        self.0.is_empty() || address.is_some_and(inside)
    }

    /// Whether every address of `others` is one of these.
    #[must_use]
    pub fn cover(&self, others: &Self) -> bool {
        let covered = |other: &IpNet| self.0.iter().any(|network| network.contains(other));
        self.0.is_empty() || (!others.0.is_empty() && others.0.iter().all(covered))
    }

    /// The networks, each as text.
    pub fn texts(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(ToString::to_string)
    }
}

impl FromIterator<IpNet> for Networks {
    fn from_iter<T: IntoIterator<Item = IpNet>>(networks: T) -> Self {
        Self(networks.into_iter().collect())
    }
}

/// A stored list.
impl FromStr for Networks {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        text.split_ascii_whitespace().map(parse_network).collect()
    }
}

impl fmt::Display for Networks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.texts().collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read() {
        for (given, read) in [
            ("192.0.2.7", "192.0.2.7/32"),
            (" 10.1.2.3/8 ", "10.0.0.0/8"),
            ("2001:DB8::1", "2001:db8::1/128"),
            ("2001:db8::1/32", "2001:db8::/32"),
            ("::ffff:10.1.2.3/104", "10.0.0.0/8"),
            ("::ffff:192.0.2.7", "192.0.2.7/32"),
        ] {
            assert_eq!(parse_network(given).unwrap().to_string(), read, "{given}");
        }
        for given in ["", "10.0.0.0/33", "localhost", "10.0.0", "10.0.0.0/8/8"] {
            assert_eq!(parse_network(given), Err(NetworkError), "{given}");
        }
    }

    #[test]
    fn an_address_is_inside_or_not() {
        let networks: Networks = "10.0.0.0/8 2001:db8::/32".parse().unwrap();
        for (address, inside) in
            [("10.9.8.7", true), ("11.0.0.1", false), ("2001:db8::1", true), ("::1", false)]
        {
            assert_eq!(networks.allow(Some(address.parse().unwrap())), inside, "{address}");
        }
        assert!(!networks.allow(None));
        assert!(Networks::default().allow(None));
    }

    #[test]
    fn a_list_covers_what_lies_in_it() {
        let networks = |text: &str| text.parse::<Networks>().unwrap();
        let wide = networks("10.0.0.0/8 2001:db8::/32");
        for (narrow, covered) in [
            ("10.1.0.0/16", true),
            ("10.1.0.0/16 2001:db8:1::/48", true),
            ("10.1.0.0/16 11.0.0.1", false),
            ("0.0.0.0/0", false),
            ("", false),
        ] {
            assert_eq!(wide.cover(&networks(narrow)), covered, "{narrow:?}");
        }
        assert!(Networks::default().cover(&wide) && Networks::default().cover(&networks("")));
    }
}
