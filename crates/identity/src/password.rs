//! Passwords: what is taken, and how they are hashed without letting sign-ins eat the machine.

use std::sync::{Arc, LazyLock};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use base::Ambient;
use tokio::{sync::Semaphore, task::spawn_blocking};

use crate::{IdentityError, Result};

/// The shortest password, in characters (OWASP ASVS 5.0, 6.2.1).
pub const PASSWORD_CHARS_MIN: usize = 8;
/// The longest password, in bytes; ASVS 5.0, 6.2.9 asks for 64 characters at least.
pub const PASSWORD_BYTES_MAX: usize = 512;

/// Memory of one hash, in KiB. With the two below, the first of the configurations of Argon2id that the OWASP
/// password storage cheat sheet gives as equal in strength; RFC 9106 §4 asks for more memory than a server
/// can give to strangers who try to sign in.
const MEMORY_KIB: u32 = 19_456;
/// Passes over the memory.
const PASSES: u32 = 2;
/// Lanes.
const LANES: u32 = 1;
/// Hashes at once, which bounds their memory to 76 MiB.
const HASHES_MAX: usize = 4;
/// Sign-ins that wait for their hash; more are told to come again.
const WAITING_MAX: usize = 64;

/// A hash of the same cost that no password has: what the password of an unknown person is compared with.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    let (salt, hash) = ("A".repeat(22), "A".repeat(43));
    format!("$argon2id$v=19$m={MEMORY_KIB},t={PASSES},p={LANES}${salt}${hash}")
});

/// Checks that a password may be set: [`PASSWORD_CHARS_MIN`] characters to [`PASSWORD_BYTES_MAX`] bytes, and
/// not the name of its owner.
pub(crate) fn check_new(password: &str, name: &str) -> Result<()> {
    let invalid = |problem: String| Err(IdentityError::Invalid { field: "password", problem });
    if password.chars().count() < PASSWORD_CHARS_MIN {
        return invalid(format!("at least {PASSWORD_CHARS_MIN} characters are expected"));
    }
    if password.len() > PASSWORD_BYTES_MAX {
        return invalid(format!("at most {PASSWORD_BYTES_MAX} bytes are taken"));
    }
    if password.to_lowercase() == name {
        return invalid("it must not be the name".to_owned());
    }
    Ok(())
}

/// Hashes and verifies, a bounded number at once. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Hasher {
    running: Arc<Semaphore>,
    /// Those that run and those that wait.
    admitted: Arc<Semaphore>,
}

impl Hasher {
    pub(crate) fn new() -> Self {
        Self {
            running: Arc::new(Semaphore::new(HASHES_MAX)),
            admitted: Arc::new(Semaphore::new(HASHES_MAX + WAITING_MAX)),
        }
    }

    /// The PHC string of a password under a fresh salt.
    pub(crate) async fn hash(&self, password: String, ambient: &Ambient) -> Result<String> {
        let salt: [u8; 16] = ambient.bytes();
        self.run(move || {
            let hash = argon2()?.hash_password_with_salt(password.as_bytes(), &salt).map_err(failed)?;
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether `password` is the one behind the PHC string; without a string, an honest no that takes as long.
    pub(crate) async fn verify(&self, password: String, stored: Option<String>) -> Result<bool> {
        let known = stored.is_some();
        let stored = stored.unwrap_or_else(|| NOBODY.clone());
        let matches = self.run(move || {
            let hash = PasswordHash::new(&stored).map_err(failed)?;
            Ok(argon2()?.verify_password(password.as_bytes(), &hash).is_ok())
        });
        Ok(matches.await? && known)
    }

    /// Runs one hash on a blocking thread when its turn comes.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
        let Ok(admitted) = self.admitted.clone().try_acquire_owned() else {
            metrics::counter!("nexus_password_hashes_refused_total").increment(1);
            return Err(IdentityError::Busy);
        };
        let turn = self.running.clone().acquire_owned().await.map_err(failed)?;
        // The permits go with the work: a caller that leaves does not make room that is not there.
        let done = spawn_blocking(move || {
            let _held = (admitted, turn);
            work()
        });
        done.await.map_err(failed)?
    }
}

fn argon2() -> Result<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(failed)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn failed(error: impl ToString) -> IdentityError {
    IdentityError::Hash(error.to_string())
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn a_password_is_known_again_and_its_hash_says_how_it_was_made() {
        let (ambient, _) = testkit::ambient();
        let hasher = Hasher::new();
        let hash = hasher.hash("correct horse".to_owned(), &ambient).await.expect("hashed");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let verify = async |text: &str, hash: &str| {
            hasher.verify(text.to_owned(), Some(hash.to_owned())).await.expect("verified")
        };
        assert!(verify("correct horse", &hash).await);
        assert!(!verify("correct horsf", &hash).await);
        let again = hasher.hash("correct horse".to_owned(), &ambient).await.expect("hashed");
        assert_ne!(hash, again, "each has a salt of its own");
    }

    #[tokio::test]
    async fn nobody_has_no_password_and_the_same_cost() {
        let parsed = PasswordHash::new(&NOBODY).expect("a PHC string");
        let params = Params::try_from(&parsed).expect("parameters");
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, LANES));
        assert!(!Hasher::new().verify("anything".to_owned(), None).await.expect("verified"));
    }

    #[tokio::test]
    async fn a_flood_is_refused_beyond_those_who_wait() {
        let hasher = Hasher::new();
        let flood = HASHES_MAX + WAITING_MAX + 5;
        let tries = (0..flood).map(|_| hasher.verify("flood".to_owned(), None));
        let refused = join_all(tries).await.into_iter().filter(Result::is_err).count();
        assert_eq!(refused, 5);
        assert!(hasher.verify("after it".to_owned(), None).await.is_ok());
    }

    #[test]
    fn passwords_are_bounded_at_both_ends() {
        for good in ["12345678", "ééééééßß", &"x".repeat(PASSWORD_BYTES_MAX)] {
            assert!(check_new(good, "ada").is_ok(), "{good}");
        }
        for bad in ["", "1234567", "Ada@home.example", &"x".repeat(PASSWORD_BYTES_MAX + 1)] {
            assert!(check_new(bad, "ada@home.example").is_err(), "{bad}");
        }
    }
}
