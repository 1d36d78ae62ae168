//! What every load message begins with: who sent it and which of his it is, so that receivers need no other state.
//!
//! `~` `nnnnnnnn` `ssss` `~`: the number and the sender in sixteen letters `a` to `p`, a shape that no protocol here
//! uses, that needs no escape in any, and that is read in a few instructions.

/// Bytes of a stamp: the least that a load message has.
pub(crate) const LEN: usize = 14;

/// Which message this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Stamp {
    pub(crate) sender: u16,
    pub(crate) number: u32,
}

impl Stamp {
    /// Appends a message of `size` bytes that begins with this stamp.
    pub(crate) fn write(self, out: &mut Vec<u8>, size: usize) {
        out.push(b'~');
        for shift in (0..8).rev() {
            out.push(b'a' + ((self.number >> (4 * shift)) & 15) as u8);
        }
        for shift in (0..4).rev() {
            out.push(b'a' + ((self.sender >> (4 * shift)) & 15) as u8);
        }
        out.push(b'~');
        out.resize(out.len() + size.saturating_sub(LEN), b'.');
    }

    /// The stamp at the beginning of `bytes`.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; LEN] = bytes.get(..LEN)?.try_into().ok()?;
        let [b'~', number @ .., b'~'] = bytes else { return None };
        let mut value = 0_u64;
        let mut bad = false;
        for letter in number {
            let nibble = letter.wrapping_sub(b'a');
            bad |= nibble > 15;
            value = (value << 4) | u64::from(nibble & 15);
        }
        (!bad).then_some(Self { number: (value >> 16) as u32, sender: value as u16 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for (sender, number) in [(0, 0), (1, 2), (u16::MAX, u32::MAX), (499, 123_456_789)] {
            let mut out = Vec::new();
            Stamp { sender, number }.write(&mut out, 64);
            assert_eq!(out.len(), 64);
            assert_eq!(Stamp::read(&out), Some(Stamp { sender, number }));
        }
    }

    #[test]
    fn what_is_no_stamp_is_none() {
        for bytes in ["", "~aaaaaaaaaaaa", "~aaaaaaaaaaaaa", "xaaaaaaaaaaaa~", "~aaaaaaaqaaaa~", "~aaaaaaaAaaaa~"] {
            assert_eq!(Stamp::read(bytes.as_bytes()), None, "{bytes}");
        }
    }
}
