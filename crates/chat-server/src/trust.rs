//! Who may speak for others: balancers and reverse proxies, whose word on where somebody comes from is taken.

use std::net::IpAddr;
use std::str::FromStr;

/// A block of addresses: `192.0.2.0/24`, or one address alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    address: IpAddr,
    prefix: u8,
}

/// This is not a block of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("give an address or a block of them, such as 10.0.0.0/8")]
pub struct BadCidr;

impl FromStr for Cidr {
    type Err = BadCidr;

    fn from_str(text: &str) -> Result<Self, BadCidr> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address: IpAddr = address.parse().map_err(|_| BadCidr)?;
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| BadCidr)?,
            None if address.is_ipv4() => 32,
            None => 128,
        };
        Self::new(address, prefix).ok_or(BadCidr)
    }
}

impl Cidr {
    /// The addresses that have the first `prefix` bits of this one; `None` where it has fewer.
    #[must_use]
    pub const fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        if prefix <= bits { Some(Self { address, prefix }) } else { None }
    }

    /// Whether the address is in the block.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.address.is_ipv4() == address.is_ipv4() && bits(self.address, self.prefix) == bits(address, self.prefix)
    }

    /// Whether the two have an address in common: then one of them is in the other.
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        let shorter = self.prefix.min(other.prefix);
        self.address.is_ipv4() == other.address.is_ipv4() && bits(self.address, shorter) == bits(other.address, shorter)
    }
}

/// The first bits of an address, in front of 128.
fn bits(address: IpAddr, prefix: u8) -> u128 {
    let widened = match address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    };
    widened & u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0)
}

/// The proxies that the operator has named.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies(Vec<Cidr>);

impl Proxies {
    pub(crate) const fn new(named: Vec<Cidr>) -> Self {
        Self(named)
    }

    pub(crate) fn are_at(&self, address: IpAddr) -> bool {
        self.0.iter().any(|block| block.contains(address))
    }

    /// Whether somebody at this address may begin a connection with a PROXY header. Where none is named, a balancer on this
    /// machine may: whoever else could reach the port could claim any address.
    pub(crate) fn may_introduce(&self, address: IpAddr) -> bool {
        if self.0.is_empty() { address.is_loopback() } else { self.are_at(address) }
    }

    /// Whether one of them is in this block.
    pub(crate) fn are_in(&self, block: &Cidr) -> bool {
        self.0.iter().any(|named| named.overlaps(block))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn block(text: &str) -> Cidr {
        text.parse().expect("a block")
    }

    #[test]
    fn blocks_hold_their_addresses() {
        let check = |text: &str, address: &str| block(text).contains(ip(address));
        assert!(check("10.0.0.0/8", "10.255.0.1"));
        assert!(!check("10.0.0.0/8", "11.0.0.1"));
        assert!(check("0.0.0.0/0", "198.51.100.7"));
        assert!(!check("0.0.0.0/0", "::1"));
        assert!(check("127.0.0.1", "127.0.0.1"));
        assert!(!check("127.0.0.1", "127.0.0.2"));
        assert!(check("2001:db8::/32", "2001:db8:ffff::1"));
        assert!(!check("2001:db8::/32", "2001:db9::1"));
        for bad in ["", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/", "x"] {
            assert_eq!(bad.parse::<Cidr>(), Err(BadCidr), "{bad}");
        }
    }

    #[test]
    fn blocks_overlap_where_one_is_in_the_other() {
        for (a, b) in [("10.0.0.0/8", "10.1.2.3"), ("10.1.2.3", "10.0.0.0/8"), ("0.0.0.0/0", "192.0.2.1")] {
            assert!(block(a).overlaps(&block(b)), "{a} {b}");
        }
        for (a, b) in [("10.0.0.0/8", "11.0.0.0/8"), ("10.1.2.3", "10.1.2.4"), ("::/0", "192.0.2.1")] {
            assert!(!block(a).overlaps(&block(b)), "{a} {b}");
        }
    }

    #[test]
    fn a_balancer_is_on_this_machine_unless_another_is_named() {
        let none = Proxies::default();
        assert!(none.may_introduce(ip("127.0.0.1")) && none.may_introduce(ip("::1")));
        assert!(!none.may_introduce(ip("10.0.0.1")) && !none.are_at(ip("127.0.0.1")));
        let named = Proxies::new(vec![block("10.0.0.1")]);
        assert!(named.may_introduce(ip("10.0.0.1")) && named.are_at(ip("10.0.0.1")));
        assert!(!named.may_introduce(ip("127.0.0.1")));
        assert!(named.are_in(&block("10.0.0.0/24")) && !named.are_in(&block("10.0.1.0/24")));
    }
}
