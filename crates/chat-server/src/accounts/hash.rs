//! Hashes of passwords: Argon2id, with its cost in one place.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use chat_protocol::value::Password;
use unicode_normalization::UnicodeNormalization as _;

use super::AccountError;
use crate::secret::random;

/// KiB that one hash takes, and how often it goes over them. OWASP's first recommendation for Argon2id (19 MiB, twice, one
/// lane): some 20 ms here, which nobody notices at a login and which makes each guess of a stolen file cost as much.
const MEMORY: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A hash as it is kept: a PHC string, which has its cost and its salt in it, so that both may change later.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Hash(String);

impl Hash {
    pub(super) fn of(password: &Password) -> Result<Self, AccountError> {
        let salt: [u8; 16] = random().map_err(|error| AccountError::Unavailable(error.to_string()))?;
        hash(password, &salt).map(Self)
    }

    /// One that was kept.
    pub(super) const fn kept(phc: String) -> Self {
        Self(phc)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is of this password. The comparison takes the same time wherever the two differ.
    pub(super) fn is_of(&self, password: &Password) -> bool {
        #[cfg(test)]
        count();
        let Ok(kept) = PasswordHash::new(&self.0) else { return false };
        Argon2::default().verify_password(normal(password).as_bytes(), &kept).is_ok()
    }
}

/// Does the work of a comparison where there is nothing to compare with, so that this takes as long.
pub(super) fn waste(password: &Password) {
    let _ = std::hint::black_box(hash(password, &[0; 16]));
}

#[cfg(test)]
thread_local! {
    /// Hashes made on this thread: what a test can tell of the time that something takes.
    pub(super) static HASHES: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
fn count() {
    HASHES.set(HASHES.get() + 1);
}

fn hash(password: &Password, salt: &[u8]) -> Result<String, AccountError> {
    #[cfg(test)]
    count();
    let failed = |error: &dyn std::fmt::Display| AccountError::Unavailable(error.to_string());
    let params = Params::new(MEMORY, PASSES, LANES, None).map_err(|error| failed(&error))?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let hash = argon.hash_password_with_salt(normal(password).as_bytes(), salt).map_err(|error| failed(&error))?;
    Ok(hash.to_string())
}

/// NFC, as systems differ in how they type `é`.
fn normal(password: &Password) -> String {
    password.reveal().nfc().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_of_its_password_alone_and_names_its_cost() {
        let hash = Hash::of(&Password::new("correct horse")).expect("a hash");
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        assert!(hash.is_of(&Password::new("correct horse")));
        assert!(!hash.is_of(&Password::new("correct horsf")));
        assert!(Hash::of(&Password::new("correct horse")).expect("a hash") != hash, "each has a salt of its own");
        assert!(!Hash::kept("nonsense".to_owned()).is_of(&Password::new("correct horse")));
    }

    #[test]
    fn a_password_is_the_same_however_it_is_composed() {
        let hash = Hash::of(&Password::new("caf\u{e9} noir")).expect("a hash");
        assert!(hash.is_of(&Password::new("cafe\u{301} noir")));
    }
}
