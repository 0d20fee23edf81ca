//! Finds libsrt, whose file is named after the cryptography that a distribution built it with.

fn main() {
    let found = pkg_config::Config::new().atleast_version("1.5.0").probe("srt");
    found.expect("libsrt 1.5 with its headers (Debian: libsrt-gnutls-dev)");
}
