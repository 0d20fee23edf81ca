//! The HTTP client of commands.

use std::path::Path;

use httpkit::{
    TlsError,
    client::{Client, ClientOptions},
};

/// A client that trusts the public authorities and the certificates in the PEM file of `--ca`.
///
/// # Errors
/// When the file holds none.
pub fn trusting(ca: Option<&Path>) -> Result<Client, TlsError> {
    let options = ClientOptions::default();
    match ca {
        None => Ok(Client::new(options)),
        Some(file) => Client::trusting(options, "--ca", file),
    }
}
