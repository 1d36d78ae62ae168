//! Whom a rule is about.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use chat_protocol::names::{Alias, NameError, NameKey};

use crate::trust::Cidr;

/// A person or addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Alias(Alias),
    /// Those that have the first `prefix` bits of `network`, whose other bits are 0.
    Addresses {
        network: IpAddr,
        prefix: u8,
    },
}

/// Why something can't be a target.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadTarget {
    #[error("{0} has no such prefix: /0 to /32, or /128 for IPv6")]
    Prefix(String),
    #[error(transparent)]
    Name(#[from] NameError),
}

impl Target {
    /// Reads what was typed. An IPv6 address without a prefix means its /64, as that is the least that one subscriber has.
    pub(crate) fn parse(typed: &str) -> Result<Self, BadTarget> {
        if let Ok(address) = typed.parse::<IpAddr>() {
            let address = address.to_canonical();
            return Ok(Self::addresses(address, if address.is_ipv4() { 32 } else { 64 }));
        }
        if let Some((address, prefix)) = typed.split_once('/')
            && let Ok(address) = address.parse::<IpAddr>()
        {
            let most = if address.is_ipv4() { 32 } else { 128 };
            let prefix = prefix.parse().ok().filter(|prefix| *prefix <= most);
            return match prefix {
                Some(prefix) => Ok(Self::addresses(address, prefix)),
                None => Err(BadTarget::Prefix(typed.chars().take(60).collect())),
            };
        }
        Ok(Self::Alias(Alias::new(typed)?))
    }

    fn addresses(address: IpAddr, prefix: u8) -> Self {
        Self::Addresses { network: masked(address, prefix), prefix }
    }

    pub(crate) fn covers(&self, address: IpAddr) -> bool {
        match self {
            Self::Alias(_) => false,
            Self::Addresses { network, prefix } => masked(address.to_canonical(), *prefix) == *network,
        }
    }

    /// Whether loopback is among them: whoever can log in to the machine, and every local proxy.
    pub(crate) fn covers_loopback(&self) -> bool {
        match self {
            Self::Alias(_) => false,
            Self::Addresses { network: IpAddr::V4(network), prefix } => {
                *prefix < 8 && self.covers(Ipv4Addr::LOCALHOST.into()) || network.is_loopback()
            }
            Self::Addresses { network: IpAddr::V6(_), prefix } => {
                // The IPv4 addresses are among those of IPv6 too.
                self.covers_v6(Ipv6Addr::LOCALHOST)
                    || (*prefix < 104 && self.covers_v6(Ipv4Addr::LOCALHOST.to_ipv6_mapped()))
            }
        }
    }

    /// The addresses; `None` for a name.
    pub(crate) fn block(&self) -> Option<Cidr> {
        match self {
            Self::Alias(_) => None,
            Self::Addresses { network, prefix } => Cidr::new(*network, *prefix),
        }
    }

    fn covers_v6(&self, address: Ipv6Addr) -> bool {
        matches!(self, Self::Addresses { network, prefix } if masked(IpAddr::V6(address), *prefix) == *network)
    }

    /// Whether it is the person of this name, or one who could be mistaken for him.
    pub(crate) fn is_called(&self, key: &NameKey) -> bool {
        matches!(self, Self::Alias(alias) if alias.key().is_same(key, true))
    }

    /// Whether the two are one: names in any case.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Alias(a), Self::Alias(b)) => a.key().folded() == b.key().folded(),
            _ => self == other,
        }
    }
}

fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(prefix.into())).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(prefix.into())).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alias(alias) => alias.fmt(f),
            Self::Addresses { network, prefix: 32 } if network.is_ipv4() => network.fmt(f),
            Self::Addresses { network, prefix } => write!(f, "{network}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(typed: &str) -> Target {
        Target::parse(typed).expect(typed)
    }

    #[track_caller]
    fn check(typed: &str, shown: &str, inside: &[&str], outside: &[&str]) {
        let target = target(typed);
        assert_eq!(target.to_string(), shown);
        for (addresses, covered) in [(inside, true), (outside, false)] {
            for address in addresses {
                assert_eq!(target.covers(address.parse().expect("an address")), covered, "{typed} {address}");
            }
        }
        assert!(target.is_same(&self::target(shown)), "{shown} can be typed");
    }

    #[test]
    fn addresses_and_their_ranges() {
        check("192.0.2.7", "192.0.2.7", &["192.0.2.7", "::ffff:192.0.2.7"], &["192.0.2.8", "2001:db8::1"]);
        check("192.0.2.7/24", "192.0.2.0/24", &["192.0.2.255"], &["192.0.3.0"]);
        check("0.0.0.0/0", "0.0.0.0/0", &["203.0.113.9"], &["2001:db8::1"]);
        check("2001:db8:1:2:3::9", "2001:db8:1:2::/64", &["2001:db8:1:2:ffff::"], &["2001:db8:1:3::"]);
        check("2001:db8::1/128", "2001:db8::1/128", &["2001:db8::1"], &["2001:db8::2"]);
        check("::ffff:192.0.2.7", "192.0.2.7", &["192.0.2.7"], &[]);
    }

    #[test]
    fn whatever_is_no_address_is_a_name_or_nothing() {
        assert!(target("b0b").is_called(&target_key("bob")), "who could be mistaken for him");
        assert!(!target("bob").is_same(&target("b0b")) && target("bob").is_same(&target("BOB")));
        for bad in ["192.0.2.0/33", "2001:db8::/129", "192.0.2.0/x", "two words", ""] {
            Target::parse(bad).expect_err(bad);
        }
    }

    fn target_key(name: &str) -> NameKey {
        Alias::new(name).expect(name).key()
    }

    #[test]
    fn loopback_is_found_in_whatever_holds_it() {
        for typed in ["127.0.0.1", "127.9.0.0/16", "0.0.0.0/0", "::1", "::/0", "::ffff:0:0/96"] {
            assert!(target(typed).covers_loopback(), "{typed}");
        }
        for typed in ["192.0.2.0/24", "128.0.0.0/1", "2001:db8::/32", "bob"] {
            assert!(!target(typed).covers_loopback(), "{typed}");
        }
    }
}
