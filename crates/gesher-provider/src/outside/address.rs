//! Which addresses lead to this machine, to its network, or to nowhere, so that no script may reach them.
//!
//! The ranges are those of IANA's registries of special-purpose addresses for IPv4 and IPv6, with what has come to be
//! used beside them. Of IPv6 only what is handed out for the internet (`2000::/3`) is let through at all.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A range of IPv4 addresses: its first address, how many bits tell it from others, and what it is for.
type Range4 = (Ipv4Addr, u32, &'static str);
/// The same of IPv6.
type Range6 = (Ipv6Addr, u32, &'static str);

const fn v4(a: u8, b: u8, c: u8, d: u8) -> Ipv4Addr {
    Ipv4Addr::new(a, b, c, d)
}

const fn v6(a: u16, b: u16, c: u16, d: u16) -> Ipv6Addr {
    Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0)
}

const RANGES_4: &[Range4] = &[
    (v4(0, 0, 0, 0), 8, "this network"),
    (v4(10, 0, 0, 0), 8, "private"),
    (v4(100, 64, 0, 0), 10, "shared by a carrier's customers"),
    (v4(127, 0, 0, 0), 8, "this machine"),
    (v4(168, 63, 129, 16), 32, "a cloud's own service"),
    (v4(169, 254, 0, 0), 16, "link-local, where clouds keep their metadata"),
    (v4(172, 16, 0, 0), 12, "private"),
    (v4(192, 0, 0, 0), 24, "protocol assignments"),
    (v4(192, 0, 2, 0), 24, "documentation"),
    (v4(192, 31, 196, 0), 24, "name servers of private ranges"),
    (v4(192, 52, 193, 0), 24, "multicast tunnels"),
    (v4(192, 88, 99, 0), 24, "tunnels"),
    (v4(192, 168, 0, 0), 16, "private"),
    (v4(192, 175, 48, 0), 24, "name servers of private ranges"),
    (v4(198, 18, 0, 0), 15, "benchmarks"),
    (v4(198, 51, 100, 0), 24, "documentation"),
    (v4(203, 0, 113, 0), 24, "documentation"),
    (v4(224, 0, 0, 0), 4, "multicast"),
    (v4(240, 0, 0, 0), 4, "reserved"),
];

/// What is handed out for the internet.
const GLOBAL_6: (Ipv6Addr, u32) = (v6(0x2000, 0, 0, 0), 3);

/// Those inside [`GLOBAL_6`] that are special all the same. Everything outside of it is.
const RANGES_6: &[Range6] = &[
    (v6(0x2001, 0, 0, 0), 23, "protocol assignments and tunnels"),
    (v6(0x2001, 0xdb8, 0, 0), 32, "documentation"),
    (v6(0x2002, 0, 0, 0), 16, "tunnels to IPv4"),
    (v6(0x2620, 0x4f, 0x8000, 0), 48, "name servers of private ranges"),
    (v6(0x3fff, 0, 0, 0), 20, "documentation"),
];

/// Those outside of [`GLOBAL_6`], by the names that people know them by.
const NAMED_6: &[Range6] = &[
    (Ipv6Addr::UNSPECIFIED, 128, "this network"),
    (Ipv6Addr::LOCALHOST, 128, "this machine"),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, "IPv4 written as IPv6"),
    (Ipv6Addr::UNSPECIFIED, 96, "IPv4 written as IPv6"),
    (v6(0x64, 0xff9b, 0, 0), 96, "IPv4 translated"),
    (v6(0x64, 0xff9b, 1, 0), 48, "IPv4 translated, in a network of its own"),
    (v6(0x100, 0, 0, 0), 64, "nowhere"),
    (v6(0x100, 0, 0, 1), 64, "nowhere"),
    (v6(0x5f00, 0, 0, 0), 16, "segment routing"),
    (v6(0xfc00, 0, 0, 0), 7, "private"),
    (v6(0xfe80, 0, 0, 0), 10, "link-local"),
    (v6(0xfec0, 0, 0, 0), 10, "site-local"),
    (v6(0xff00, 0, 0, 0), 8, "multicast"),
];

/// What is special about an address, or none for one of the internet's.
#[must_use]
pub fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => special_4(address),
        IpAddr::V6(address) => special_6(address),
    }
}

fn special_4(address: Ipv4Addr) -> Option<&'static str> {
    let is_in =
        |(first, bits, _): &&Range4| address.to_bits() >> (32 - bits) == first.to_bits() >> (32 - bits);
    RANGES_4.iter().find(is_in).map(|(.., name)| *name)
}

fn special_6(address: Ipv6Addr) -> Option<&'static str> {
    let is_in =
        |first: Ipv6Addr, bits: u32| address.to_bits() >> (128 - bits) == first.to_bits() >> (128 - bits);
    let named = |ranges: &'static [Range6]| {
        ranges.iter().find(|(first, bits, _)| is_in(*first, *bits)).map(|(.., name)| *name)
    };
    if is_in(GLOBAL_6.0, GLOBAL_6.1) { named(RANGES_6) } else { named(NAMED_6).or(Some("reserved")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first and the last address of each range are special, and its neighbours are of the internet.
    #[track_caller]
    fn check(first: &str, last: &str, neighbours: [&str; 2]) {
        for address in [first, last] {
            assert!(special(address.parse().unwrap()).is_some(), "{address}");
        }
        for address in neighbours {
            assert_eq!(special(address.parse().unwrap()), None, "{address}");
        }
    }

    #[test]
    fn every_special_range_is_known_to_its_last_address_and_not_beyond() {
        check("0.0.0.0", "0.255.255.255", ["1.0.0.0", "1.1.1.1"]);
        check("10.0.0.0", "10.255.255.255", ["9.255.255.255", "11.0.0.0"]);
        check("100.64.0.0", "100.127.255.255", ["100.63.255.255", "100.128.0.0"]);
        check("100.100.100.200", "100.100.100.200", ["100.0.0.1", "101.100.100.200"]);
        check("127.0.0.0", "127.255.255.255", ["126.255.255.255", "128.0.0.0"]);
        check("168.63.129.16", "168.63.129.16", ["168.63.129.15", "168.63.129.17"]);
        check("169.254.0.0", "169.254.255.255", ["169.253.255.255", "169.255.0.0"]);
        check("169.254.169.254", "169.254.170.2", ["169.252.169.254", "170.254.169.254"]);
        check("172.16.0.0", "172.31.255.255", ["172.15.255.255", "172.32.0.0"]);
        check("192.0.0.0", "192.0.0.255", ["191.255.255.255", "192.0.1.0"]);
        check("192.0.2.0", "192.0.2.255", ["192.0.1.255", "192.0.3.0"]);
        check("192.31.196.0", "192.31.196.255", ["192.31.195.255", "192.31.197.0"]);
        check("192.52.193.0", "192.52.193.255", ["192.52.192.255", "192.52.194.0"]);
        check("192.88.99.0", "192.88.99.255", ["192.88.98.255", "192.88.100.0"]);
        check("192.168.0.0", "192.168.255.255", ["192.167.255.255", "192.169.0.0"]);
        check("192.175.48.0", "192.175.48.255", ["192.175.47.255", "192.175.49.0"]);
        check("198.18.0.0", "198.19.255.255", ["198.17.255.255", "198.20.0.0"]);
        check("198.51.100.0", "198.51.100.255", ["198.51.99.255", "198.51.101.0"]);
        check("203.0.113.0", "203.0.113.255", ["203.0.112.255", "203.0.114.0"]);
        check("224.0.0.0", "239.255.255.255", ["223.255.255.255", "8.8.8.8"]);
        check("240.0.0.0", "255.255.255.255", ["223.255.255.254", "1.2.3.4"]);
        check("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", ["2001:200::", "2a00:1450::1"]);
        check("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", ["2001:db7:ffff::", "2001:db9::"]);
        check("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ["2003::", "2001:4860:4860::8888"]);
        check(
            "2620:4f:8000::",
            "2620:4f:8000:ffff:ffff:ffff:ffff:ffff",
            ["2620:4f:7fff::", "2620:4f:8001::"],
        );
        check("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", ["3ffe:ffff::", "3fff:1000::"]);
    }

    #[test]
    fn of_ipv6_only_what_is_handed_out_for_the_internet_is_let_through() {
        for address in [
            "::",
            "::1",
            "::2",
            "::127.0.0.1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "64:ff9b::a00:1",
            "64:ff9b:1::1",
            "100::1",
            "100:0:0:1::1",
            "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
            "4000::",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        ] {
            assert!(special(address.parse().unwrap()).is_some(), "{address}");
        }
        for address in ["2000::1", "2400:cb00::1", "2606:4700::1111", "3ffe::1"] {
            assert_eq!(special(address.parse().unwrap()), None, "{address}");
        }
    }
}
