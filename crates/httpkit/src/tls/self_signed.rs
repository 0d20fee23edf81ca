//! A certificate of one's own making, for development: it names the machine and its addresses, and is kept so
//! that a phone has to accept it once.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::unix::fs::DirBuilderExt,
    path::Path,
    time::Duration,
};

use base::Timestamp;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::pki_types::{ServerName, UnixTime};
use sha2::{Digest, Sha256};

use super::{
    PairFiles,
    files::{certificates, judge},
};
use crate::error::TlsError;

/// Apple's systems trust no longer ones (support article 103769: 825 days).
const DAYS: i64 = 820;
/// A certificate with less left is made anew.
const DAYS_LEFT_MIN: i64 = 30;
const DAY_SECONDS: i64 = 24 * 3600;

/// Where the certificate is, and how to recognise it.
#[derive(Clone, Debug)]
pub struct SelfSigned {
    /// Its files.
    pub files: PairFiles,
    /// SHA-256 of the certificate, as browsers show it.
    pub fingerprint: String,
}

/// The addresses under which others reach this machine, those of IPv4 first; link-local ones are left out.
#[must_use]
pub fn addresses() -> Vec<IpAddr> {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let usable = |address: &IpAddr| match address {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local(),
    };
    let mut found: Vec<IpAddr> = interfaces.iter().map(if_addrs::Interface::ip).filter(usable).collect();
    found.sort();
    found.dedup();
    found
}

/// `localhost`, the machine's name (also as multicast DNS knows it, RFC 6762), and all its addresses.
fn names() -> Vec<String> {
    let mut names = vec!["localhost".to_owned()];
    let host = lifecycle::host_name();
    if ServerName::try_from(host.as_str()).is_ok() {
        if !host.contains('.') {
            names.push(format!("{host}.local"));
        }
        names.push(host);
    }
    names.extend([IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)].map(|ip| ip.to_string()));
    names.extend(addresses().iter().map(ToString::to_string));
    names
}

/// The certificate kept in `folder`, made anew when there is none, when it ends within thirty days, or when
/// the machine has a name or address that it does not carry.
///
/// # Errors
/// [`TlsError`] when it cannot be made or kept.
pub fn self_signed(folder: &Path, now: Timestamp) -> Result<SelfSigned, TlsError> {
    keep(folder, &names(), now)
}

fn keep(folder: &Path, names: &[String], now: Timestamp) -> Result<SelfSigned, TlsError> {
    let files = PairFiles::own(folder);
    if !serves(&files, names, now) {
        make(folder, &files, names, now)?;
    }
    let chain = certificates("tls.self_signed", &files.cert)?;
    let digest = Sha256::digest(chain.first().map(AsRef::as_ref).unwrap_or_default());
    let fingerprint = digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
    Ok(SelfSigned { files, fingerprint })
}

fn serves(files: &PairFiles, names: &[String], now: Timestamp) -> bool {
    let Ok(chain) = certificates("tls.self_signed", &files.cert) else { return false };
    let later = now.seconds() + DAYS_LEFT_MIN * DAY_SECONDS;
    let time = UnixTime::since_unix_epoch(Duration::from_secs(later.try_into().unwrap_or(0)));
    let accepts = |name: &String| {
        let name = ServerName::try_from(name.as_str());
        name.is_ok_and(|name| chain.first().is_some_and(|cert| judge(cert, &name, time).is_ok()))
    };
    files.load().is_ok() && names.iter().all(accepts)
}

fn make(folder: &Path, files: &PairFiles, names: &[String], now: Timestamp) -> Result<(), TlsError> {
    let failed =
        |reason: String| TlsError::File { setting: "tls.self_signed", path: folder.to_owned(), reason };
    let (cert, key) = generate(names, now).map_err(|error| failed(error.to_string()))?;
    let written = || -> std::io::Result<()> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        settings::write_secret(&files.key, key.as_bytes())?;
        settings::write_secret(&files.cert, cert.as_bytes())
    };
    written().map_err(|error| failed(error.to_string()))
}

/// Certificate and key as PEM.
fn generate(names: &[String], now: Timestamp) -> Result<(String, String), rcgen::Error> {
    let day = |seconds: i64| time::OffsetDateTime::from_unix_timestamp(seconds);
    let begun = now.seconds() - DAY_SECONDS;
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name.push(DnType::CommonName, "Nexus on this machine (self-signed)");
    params.not_before = day(begun).map_err(|_| rcgen::Error::Time)?;
    params.not_after = day(begun + DAYS * DAY_SECONDS).map_err(|_| rcgen::Error::Time)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

    fn words(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn it_is_kept_while_it_serves() {
        let dir = tempfile::tempdir().expect("temp dir");
        let names = words(&["localhost", "studio", "studio.local", "192.0.2.7", "2001:db8::7"]);
        let first = keep(dir.path(), &names, NOW).expect("made");
        assert_eq!(keep(dir.path(), &names, NOW).expect("kept").fingerprint, first.fingerprint);
        let fewer = keep(dir.path(), &names[..2], NOW).expect("kept");
        assert_eq!(fewer.fingerprint, first.fingerprint, "an address that went away changes nothing");
        let later = Timestamp(NOW.0 + (DAYS - DAYS_LEFT_MIN - 2) * DAY_SECONDS * 1_000_000);
        assert_eq!(keep(dir.path(), &names, later).expect("kept").fingerprint, first.fingerprint);
        assert!(first.files.exposure().is_none());
    }

    #[test]
    fn it_is_made_anew_for_a_new_address_or_before_it_ends() {
        let dir = tempfile::tempdir().expect("temp dir");
        let first = keep(dir.path(), &words(&["localhost"]), NOW).expect("made");
        let moved = keep(dir.path(), &words(&["localhost", "192.0.2.8"]), NOW).expect("made");
        assert_ne!(moved.fingerprint, first.fingerprint);
        let later = Timestamp(NOW.0 + (DAYS - DAYS_LEFT_MIN + 2) * DAY_SECONDS * 1_000_000);
        let renewed = keep(dir.path(), &words(&["localhost"]), later).expect("made");
        assert_ne!(renewed.fingerprint, moved.fingerprint);
    }

    #[test]
    fn the_machine_has_names() {
        assert!(names().len() >= 3, "{:?}", names());
    }
}
