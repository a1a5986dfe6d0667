use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use thiserror::Error;

/// An address that webhooks must not reach. Says which range it is in, never the address: the
/// message may be shown to a customer, who must not learn the inside of the network from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("address is in the refused range {range} ({purpose})")]
pub struct RefusedAddress {
    /// The range in CIDR notation.
    pub range: &'static str,
    /// What the range is for.
    pub purpose: &'static str,
}

struct Range<A> {
    network: A,
    prefix: u32,
    refusal: RefusedAddress,
}

const fn v4(
    [a, b, c, d]: [u8; 4],
    prefix: u32,
    range: &'static str,
    purpose: &'static str,
) -> Range<Ipv4Addr> {
    Range { network: Ipv4Addr::new(a, b, c, d), prefix, refusal: RefusedAddress { range, purpose } }
}

const fn v6(
    [a, b, c]: [u16; 3],
    prefix: u32,
    range: &'static str,
    purpose: &'static str,
) -> Range<Ipv6Addr> {
    let network = Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0);
    Range { network, prefix, refusal: RefusedAddress { range, purpose } }
}

/// Everything of the IANA IPv4 special-purpose registry (RFC 6890) that is not a public host, and the one
/// address of a public range at which a cloud answers its own machines.
const REFUSED_V4: [Range<Ipv4Addr>; 16] = [
    v4([0, 0, 0, 0], 8, "0.0.0.0/8", "this network"),
    v4([10, 0, 0, 0], 8, "10.0.0.0/8", "private"),
    v4([100, 64, 0, 0], 10, "100.64.0.0/10", "carrier-grade translation"),
    v4([127, 0, 0, 0], 8, "127.0.0.0/8", "loopback"),
    v4([168, 63, 129, 16], 32, "168.63.129.16/32", "metadata of a cloud"),
    v4([169, 254, 0, 0], 16, "169.254.0.0/16", "link-local and metadata"),
    v4([172, 16, 0, 0], 12, "172.16.0.0/12", "private"),
    v4([192, 0, 0, 0], 24, "192.0.0.0/24", "protocol assignments"),
    v4([192, 0, 2, 0], 24, "192.0.2.0/24", "documentation"),
    v4([192, 88, 99, 0], 24, "192.88.99.0/24", "6to4 relays"),
    v4([192, 168, 0, 0], 16, "192.168.0.0/16", "private"),
    v4([198, 18, 0, 0], 15, "198.18.0.0/15", "benchmarking"),
    v4([198, 51, 100, 0], 24, "198.51.100.0/24", "documentation"),
    v4([203, 0, 113, 0], 24, "203.0.113.0/24", "documentation"),
    v4([224, 0, 0, 0], 4, "224.0.0.0/4", "multicast"),
    v4([240, 0, 0, 0], 4, "240.0.0.0/4", "reserved and broadcast"),
];

/// What is refused inside and outside 2000::/3, the only range of global unicast addresses.
/// Ranges that carry an IPv4 address inside are refused whole: a public receiver has no need to
/// be written in them.
const REFUSED_V6: [Range<Ipv6Addr>; 14] = [
    v6([0, 0, 0], 80, "::/80", "unspecified, loopback and IPv4-mapped"),
    v6([0x64, 0xff9b, 0], 96, "64:ff9b::/96", "IPv4 translation"),
    v6([0x64, 0xff9b, 1], 48, "64:ff9b:1::/48", "IPv4 translation"),
    v6([0x100, 0, 0], 64, "100::/64", "discard"),
    v6([0x2001, 0, 0], 32, "2001::/32", "Teredo"),
    v6([0x2001, 0, 0], 23, "2001::/23", "protocol assignments"),
    v6([0x2001, 0xdb8, 0], 32, "2001:db8::/32", "documentation"),
    v6([0x2002, 0, 0], 16, "2002::/16", "6to4"),
    v6([0x3fff, 0, 0], 20, "3fff::/20", "documentation"),
    v6([0x5f00, 0, 0], 16, "5f00::/16", "segment routing"),
    v6([0xfc00, 0, 0], 7, "fc00::/7", "unique local"),
    v6([0xfe80, 0, 0], 10, "fe80::/10", "link-local"),
    v6([0xfec0, 0, 0], 10, "fec0::/10", "site-local"),
    v6([0xff00, 0, 0], 8, "ff00::/8", "multicast"),
];

const NOT_GLOBAL_UNICAST: RefusedAddress =
    RefusedAddress { range: "outside 2000::/3", purpose: "not global unicast" };

/// Refuses every address that is not a public unicast host (IANA special-purpose registries,
/// RFC 6890), whatever form it was written in.
pub fn check_address(address: IpAddr) -> Result<(), RefusedAddress> {
    let refused = match address {
        IpAddr::V4(address) => refused_v4(address),
        IpAddr::V6(address) => refused_v6(address),
    };
    refused.map_or(Ok(()), Err)
}

fn refused_v4(address: Ipv4Addr) -> Option<RefusedAddress> {
    let inside = |range: &&Range<Ipv4Addr>| {
        (address.to_bits() ^ range.network.to_bits()) >> (32 - range.prefix) == 0
    };
    REFUSED_V4.iter().find(inside).map(|range| range.refusal)
}

fn refused_v6(address: Ipv6Addr) -> Option<RefusedAddress> {
    let inside = |range: &&Range<Ipv6Addr>| {
        (address.to_bits() ^ range.network.to_bits()) >> (128 - range.prefix) == 0
    };
    let named = REFUSED_V6.iter().find(inside).map(|range| range.refusal);
    let global_unicast = address.segments()[0] >> 13 == 1;
    named.or((!global_unicast).then_some(NOT_GLOBAL_UNICAST))
}
