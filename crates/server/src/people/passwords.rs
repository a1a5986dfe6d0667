//! Passwords of users: Argon2id with what OWASP recommends at least (19 MiB, two passes, one lane).

use std::sync::Arc;

use argon2::password_hash::Error;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use tokio::sync::Semaphore;
use vinculo_vault::Redacted;

use crate::App;
use crate::error::ApiError;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes made at once: each holds its memory and a processor for a while.
const AT_ONCE: usize = 4;

/// Fewest and most characters of a password.
pub(crate) const LENGTHS: std::ops::RangeInclusive<usize> = 12..=200;

/// Makes and compares hashes of passwords, a few at a time.
pub(crate) struct Passwords(Arc<Semaphore>);

impl Default for Passwords {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

impl Passwords {
    /// What is stored of a password: the hash with its parameters and a random salt.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub(crate) async fn hash(
        &self,
        app: &App,
        password: &Redacted<String>,
    ) -> Result<String, ApiError> {
        let mut salt = [0; 16];
        app.random().fill(&mut salt).map_err(ApiError::unexpected)?;
        self.work(password, move |argon2, password| {
            let hash = argon2.hash_password_with_salt(password, &salt);
            hash.map(|hash| hash.to_string()).map_err(ApiError::unexpected)
        })
        .await
    }

    /// Whether a password is the one that `stored` was made from. Without a stored one it is no,
    /// after as much work.
    ///
    /// # Errors
    /// When what is stored is no hash.
    pub(crate) async fn matches(
        &self,
        password: &Redacted<String>,
        stored: Option<String>,
    ) -> Result<bool, ApiError> {
        self.work(password, move |argon2, password| match stored {
            Some(stored) => match argon2.verify_password(password, stored.as_str()) {
                Ok(()) => Ok(true),
                Err(Error::PasswordInvalid) => Ok(false),
                Err(error) => Err(ApiError::unexpected(error)),
            },
            None => {
                let hash = argon2.hash_password_with_salt(password, &[0; 16]);
                hash.map(|_| false).map_err(ApiError::unexpected)
            }
        })
        .await
    }

    async fn work<T: Send + 'static>(
        &self,
        password: &Redacted<String>,
        work: impl FnOnce(&Argon2<'_>, &[u8]) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let slot = Arc::clone(&self.0).acquire_owned().await.map_err(ApiError::unexpected)?;
        let password = password.clone();
        let done = tokio::task::spawn_blocking(move || {
            // Held until the work is done, whether or not somebody still waits for it.
            let _slot = slot;
            let params =
                Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(ApiError::unexpected)?;
            let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
            work(&argon2, password.expose().as_bytes())
        });
        done.await.map_err(ApiError::unexpected)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with the reference implementation of Argon2 (`argon2-cffi` 25.1.0): type ID, 19,456 KiB,
    /// two passes, one lane.
    const STORED: &str = "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$pWBC3ArQML0jez3V3IQK0PxhUSkwDZvk0FBHIbbyBAQ";

    #[tokio::test]
    async fn a_hash_of_another_implementation_is_verified() {
        let passwords = Passwords::default();
        let given = |text: &str| Redacted::new(text.to_owned());
        let matches = |text, stored: Option<&str>| {
            let (given, stored) = (given(text), stored.map(str::to_owned));
            let passwords = &passwords;
            async move { passwords.matches(&given, stored).await }
        };
        assert!(matches("correcto caballo", Some(STORED)).await.unwrap());
        assert!(!matches("correcto caballa", Some(STORED)).await.unwrap());
        assert!(!matches("correcto caballo", None).await.unwrap());
        assert!(matches("correcto caballo", Some("no hash")).await.is_err());
    }
}
