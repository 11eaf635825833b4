//! Which IP addresses are public, that is, reach the same host from anywhere on the internet.
//!
//! The ranges are those of IANA's special-purpose address registries as of 2025:
//! <https://www.iana.org/assignments/iana-ipv4-special-registry> and
//! <https://www.iana.org/assignments/iana-ipv6-special-registry>, with multicast from
//! <https://www.iana.org/assignments/multicast-addresses> and the allocated part of IPv6 from
//! <https://www.iana.org/assignments/ipv6-address-space>. The few globally reachable addresses in them (anycast services
//! such as 192.0.0.9) serve no files, so the whole ranges are excluded.

use ipnet::{Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The ranges that are not public.
const SPECIAL_V4: [Ipv4Net; 15] = [
    v4([0, 0, 0, 0], 8),       // this network (RFC 791)
    v4([10, 0, 0, 0], 8),      // private use (RFC 1918)
    v4([100, 64, 0, 0], 10),   // shared address space of carriers (RFC 6598)
    v4([127, 0, 0, 0], 8),     // loopback (RFC 1122)
    v4([169, 254, 0, 0], 16),  // link local (RFC 3927), where clouds have their metadata service
    v4([172, 16, 0, 0], 12),   // private use (RFC 1918)
    v4([192, 0, 0, 0], 24),    // protocol assignments (RFC 6890)
    v4([192, 0, 2, 0], 24),    // documentation (RFC 5737)
    v4([192, 88, 99, 0], 24),  // 6to4 relays (RFC 7526)
    v4([192, 168, 0, 0], 16),  // private use (RFC 1918)
    v4([198, 18, 0, 0], 15),   // benchmarking (RFC 2544)
    v4([198, 51, 100, 0], 24), // documentation (RFC 5737)
    v4([203, 0, 113, 0], 24),  // documentation (RFC 5737)
    v4([224, 0, 0, 0], 4),     // multicast (RFC 5771)
    v4([240, 0, 0, 0], 4),     // reserved (RFC 1112), and broadcast
];

/// Global unicast, the only part of IPv6 that is allocated. Outside of it are loopback, unique local, link local and
/// multicast addresses, and those that embed an IPv4 address: mapped and compatible ones (RFC 4291) and those of NAT64
/// (RFC 6052, RFC 8215), whether the IPv4 address is public or not.
const GLOBAL_UNICAST_V6: Ipv6Net = v6([0x2000, 0], 3);

/// The ranges of global unicast that are not public.
const SPECIAL_V6: [Ipv6Net; 4] = [
    v6([0x2001, 0], 23),      // protocol assignments (RFC 2928): Teredo, benchmarking, ORCHID and others
    v6([0x2001, 0x0db8], 32), // documentation (RFC 3849)
    v6([0x2002, 0], 16),      // 6to4 (RFC 3056), which holds an IPv4 address
    v6([0x3fff, 0], 20),      // documentation (RFC 9637)
];

pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => !SPECIAL_V4.iter().any(|range| range.contains(&address)),
        IpAddr::V6(address) => {
            GLOBAL_UNICAST_V6.contains(&address) && !SPECIAL_V6.iter().any(|range| range.contains(&address))
        }
    }
}

const fn v4([a, b, c, d]: [u8; 4], prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6([a, b]: [u16; 2], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(address: &str) -> bool {
        is_public(address.parse().unwrap())
    }

    #[test]
    fn each_special_range_is_rejected_from_its_first_to_its_last_address_and_no_further() {
        // The public address before, the first and the last address of the range, the public address after.
        for (before, first, last, after) in [
            (None, "0.0.0.0", "0.255.255.255", Some("1.0.0.0")),
            (Some("9.255.255.255"), "10.0.0.0", "10.255.255.255", Some("11.0.0.0")),
            (Some("100.63.255.255"), "100.64.0.0", "100.127.255.255", Some("100.128.0.0")),
            (Some("126.255.255.255"), "127.0.0.0", "127.255.255.255", Some("128.0.0.0")),
            (Some("169.253.255.255"), "169.254.0.0", "169.254.255.255", Some("169.255.0.0")),
            (Some("172.15.255.255"), "172.16.0.0", "172.31.255.255", Some("172.32.0.0")),
            (Some("191.255.255.255"), "192.0.0.0", "192.0.0.255", Some("192.0.1.0")),
            (Some("192.0.1.255"), "192.0.2.0", "192.0.2.255", Some("192.0.3.0")),
            (Some("192.88.98.255"), "192.88.99.0", "192.88.99.255", Some("192.88.100.0")),
            (Some("192.167.255.255"), "192.168.0.0", "192.168.255.255", Some("192.169.0.0")),
            (Some("198.17.255.255"), "198.18.0.0", "198.19.255.255", Some("198.20.0.0")),
            (Some("198.51.99.255"), "198.51.100.0", "198.51.100.255", Some("198.51.101.0")),
            (Some("203.0.112.255"), "203.0.113.0", "203.0.113.255", Some("203.0.114.0")),
            (Some("223.255.255.255"), "224.0.0.0", "239.255.255.255", None),
            (None, "240.0.0.0", "255.255.255.255", None),
            (None, "::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Some("2000::")),
            (
                Some("2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
                "2001::",
                "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
                Some("2001:200::"),
            ),
            (
                Some("2001:db7:ffff:ffff:ffff:ffff:ffff:ffff"),
                "2001:db8::",
                "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
                Some("2001:db9::"),
            ),
            (
                Some("2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
                "2002::",
                "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                Some("2003::"),
            ),
            (
                Some("3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
                "3fff::",
                "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
                Some("3fff:1000::"),
            ),
            (
                Some("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
                "4000::",
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                None,
            ),
        ] {
            for address in [before, after].into_iter().flatten() {
                assert!(public(address), "{address}");
            }
            for address in [first, last] {
                assert!(!public(address), "{address}");
            }
        }
    }

    #[test]
    fn well_known_services_are_public() {
        for address in ["1.1.1.1", "8.8.8.8", "93.184.215.14", "2606:4700:4700::1111", "2a00:1450:4001:829::200e"] {
            assert!(public(address), "{address}");
        }
    }

    #[test]
    fn addresses_of_metadata_services_and_local_networks_are_not_public() {
        for address in [
            "169.254.169.254", // metadata of most clouds
            "169.254.170.2",   // AWS's container credentials
            "100.100.100.200", // metadata of Alibaba Cloud
            "192.0.0.192",     // metadata of Oracle Cloud
            "fd00:ec2::254",   // metadata of AWS by IPv6
            "fd20:ce::254",    // metadata of Google Cloud by IPv6
            "::1",
            "fc00::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
            "5f00::1",
        ] {
            assert!(!public(address), "{address}");
        }
    }

    #[test]
    fn no_ipv6_address_that_embeds_an_ipv4_address_is_public() {
        for address in [
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::8.8.8.8",
            "64:ff9b:1::127.0.0.1",
            "64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
            "2002:7f00:1::",
            "2001:0:7f00:1::80ff:fffe",
        ] {
            assert!(!public(address), "{address}");
        }
    }
}
