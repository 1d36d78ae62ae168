//! Secrets of sessions: random, given to the client once, kept as a hash alone.

use sha2::{Digest as _, Sha256};

use crate::log::{AuthorId, TokenHash};

/// 256 random bits in hexadecimal.
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn generate() -> Result<Self, getrandom::Error> {
        Ok(Self(hex(&random::<32>()?)))
    }

    pub(crate) fn hash(&self) -> TokenHash {
        Self::hash_of(&self.0)
    }

    /// The hash under which a secret is kept. As secrets are random, a fast hash does: there is nothing to guess.
    pub(crate) fn hash_of(secret: &str) -> TokenHash {
        TokenHash(Sha256::digest(secret.as_bytes()).into())
    }

    /// The author whom this secret's holder is, in the log.
    pub(crate) fn author(&self) -> AuthorId {
        let TokenHash(hash) = self.hash();
        let mut author = [0; 16];
        author.copy_from_slice(&hash[..16]);
        AuthorId(author)
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
