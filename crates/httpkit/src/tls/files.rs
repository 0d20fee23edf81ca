//! The files of a certificate and its key.

use std::{
    fs::File,
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustls::{
    CertificateError, Error, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
    sign::CertifiedKey,
};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::provider;
use crate::error::TlsError;

/// More than any chain of certificates.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// The last second that X.509 can name (RFC 5280 §4.1.2.5).
const END_OF_TIME: Duration = Duration::from_secs(253_402_300_799);

/// A PEM file of a certificate with those that lead to its root, and one of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairFiles {
    /// The server's certificate first.
    pub cert: PathBuf,
    /// PKCS #8, PKCS #1 or SEC 1.
    pub key: PathBuf,
}

/// A certificate and the key that fits it.
pub(super) struct Pair {
    pub(super) key: Arc<CertifiedKey>,
    /// When the certificate ends, in seconds since 1970.
    pub(super) not_after_s: Option<u64>,
}

fn read(setting: &'static str, path: &Path) -> Result<Zeroizing<Vec<u8>>, TlsError> {
    let mut bytes = Zeroizing::new(Vec::new());
    let opened = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes));
    let failed =
        |error: std::io::Error| TlsError::File { setting, path: path.to_owned(), reason: error.to_string() };
    opened.map_err(failed)?;
    Ok(bytes)
}

impl PairFiles {
    /// Where a certificate of our own making is kept in the data folder `folder`.
    #[must_use]
    pub fn own(folder: &Path) -> Self {
        Self { cert: folder.join("tls-self-signed.crt"), key: folder.join("tls-self-signed.key") }
    }

    /// Tells one content of the two files from another.
    pub(super) fn digest(&self) -> Result<[u8; 32], TlsError> {
        let (cert, key) = (read("tls.cert", &self.cert)?, read("tls.key", &self.key)?);
        let mut digest = Sha256::new();
        digest.update((cert.len() as u64).to_be_bytes());
        digest.update(&*cert);
        digest.update(&*key);
        Ok(digest.finalize().into())
    }

    /// Reads both and holds them against each other.
    pub(super) fn load(&self) -> Result<Pair, TlsError> {
        let chain = certificates("tls.cert", &self.cert)?;
        let pem = read("tls.key", &self.key)?;
        let unusable =
            |reason: String| TlsError::Unusable { setting: "tls.key", path: self.key.clone(), reason };
        let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| unusable(error.to_string()))?;
        let not_after_s = chain.first().and_then(not_after);
        let fitted = CertifiedKey::from_der(chain, key, &provider());
        let key = fitted.map_err(|error| match error {
            Error::InconsistentKeys(_) => {
                TlsError::Mismatch { cert: self.cert.clone(), key: self.key.clone() }
            }
            Error::InvalidCertificate(reason) => TlsError::Unusable {
                setting: "tls.cert",
                path: self.cert.clone(),
                reason: reason.to_string(),
            },
            other => unusable(other.to_string()),
        })?;
        Ok(Pair { key: Arc::new(key), not_after_s })
    }

    /// What keeps the key from being its owner's alone, if anything does.
    #[must_use]
    pub fn exposure(&self) -> Option<String> {
        let mode = std::fs::metadata(&self.key).ok()?.permissions().mode();
        (mode & 0o007 > 0).then(|| {
            let path = self.key.display();
            format!("tls.key {path} can be read by every user of this machine; run: chmod o= {path}")
        })
    }
}

/// The certificates of a PEM file, at least one.
pub(crate) fn certificates(
    setting: &'static str,
    path: &Path,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let pem = read(setting, path)?;
    let unusable = |reason: String| TlsError::Unusable { setting, path: path.to_owned(), reason };
    let found = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|error| unusable(error.to_string()))?;
    if found.is_empty() {
        return Err(unusable("it holds no certificate".into()));
    }
    Ok(found)
}

/// What a client that trusts `cert` itself says to it under `name` at `time`.
pub(super) fn judge(cert: &CertificateDer<'_>, name: &ServerName<'_>, time: UnixTime) -> Result<(), Error> {
    let mut roots = RootCertStore::empty();
    roots.add(cert.clone().into_owned())?;
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
    let verifier = verifier.map_err(|error| Error::General(error.to_string()))?;
    verifier.verify_server_cert(cert, &[], name, &[], time).map(drop)
}

/// The second in which a certificate ends: what a client at the end of time would complain of.
fn not_after(cert: &CertificateDer<'_>) -> Option<u64> {
    let name = ServerName::try_from("localhost").ok()?;
    match judge(cert, &name, UnixTime::since_unix_epoch(END_OF_TIME)) {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Some(not_after.as_secs())
        }
        _ => None,
    }
}

/// What a look at the files found: their digest, or why they cannot be read.
type Look = Result<[u8; 32], String>;

/// Tells when a change of the files is complete.
pub(super) struct Changes {
    tried: Look,
    last: Look,
}

impl Changes {
    /// Nothing changed since `look`.
    pub(super) fn after(look: Look) -> Self {
        Self { last: look.clone(), tried: look }
    }

    /// Whether what is there now differs from what was tried last, and stood at two looks in a row.
    pub(super) fn settled(&mut self, look: Look) -> bool {
        let settled = look == self.last && look != self.tried;
        if settled {
            self.tried.clone_from(&look);
        }
        self.last = look;
        settled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_counts_when_it_stands_and_only_once() {
        let look = |byte: u8| Ok::<_, String>([byte; 32]);
        let mut changes = Changes::after(look(1));
        assert!(!changes.settled(look(1)), "nothing changed");
        assert!(!changes.settled(look(2)), "just changed");
        assert!(!changes.settled(look(3)), "still changing");
        assert!(changes.settled(look(3)));
        assert!(!changes.settled(look(3)), "tried already");
        assert!(!changes.settled(Err("gone".into())));
        assert!(changes.settled(Err("gone".into())), "files that are gone are told of once");
        assert!(!changes.settled(Err("gone".into())));
        assert!(!changes.settled(look(3)));
        assert!(changes.settled(look(3)), "back again");
    }
}
