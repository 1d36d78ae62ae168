//! Under which addresses others reach what is bound to all addresses of this machine.

use std::net::{IpAddr, SocketAddr};

/// The addresses to give to others for a listener that is bound to `bound`: itself, or, where that is `0.0.0.0` or `[::]`,
/// those of this machine's networks, IPv4 first. Empty where it has no network, or the system doesn't tell.
///
/// Loopback addresses are left out, and IPv6 link-local ones, which mean nothing without an interface's name beside them.
#[must_use]
pub fn reachable(bound: SocketAddr) -> Vec<SocketAddr> {
    if !bound.ip().is_unspecified() {
        return vec![SocketAddr::new(bound.ip().to_canonical(), bound.port())];
    }
    let mut found: Vec<_> = if_addrs::get_if_addrs()
        .unwrap_or_default()
        .into_iter()
        .filter(|interface| !interface.is_loopback() && !interface.is_link_local() && interface.is_oper_up())
        .map(|interface| interface.ip())
        // What listens on `[::]` hears IPv4 as well; the other way round it doesn't.
        .filter(|ip| bound.is_ipv6() || ip.is_ipv4())
        .collect();
    found.sort_by_key(IpAddr::is_ipv6);
    found.dedup();
    found.into_iter().map(|ip| SocketAddr::new(ip, bound.port())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_reached_as_itself() {
        let bound: SocketAddr = "127.0.0.1:5555".parse().unwrap();
        assert_eq!(reachable(bound), [bound]);
        let mapped: SocketAddr = "[::ffff:127.0.0.1]:5555".parse().unwrap();
        assert_eq!(reachable(mapped), [bound]);
    }

    #[test]
    fn all_addresses_are_those_of_the_networks() {
        for (bound, v4_alone) in [("0.0.0.0:7", true), ("[::]:7", false)] {
            let found = reachable(bound.parse().unwrap());
            for address in &found {
                assert!(!address.ip().is_unspecified() && !address.ip().is_loopback(), "{address}");
                assert!(address.is_ipv4() || !v4_alone, "{address}");
                assert_eq!(address.port(), 7);
            }
            assert!(found.is_sorted_by_key(SocketAddr::is_ipv6), "{found:?}");
        }
    }
}
