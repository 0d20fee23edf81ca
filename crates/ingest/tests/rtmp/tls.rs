//! RTMPS.

use std::{sync::Arc, time::Duration};

use ingest::{Limits, Protocol};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::net::TcpStream;
use tokio_rustls::{
    TlsAcceptor, TlsConnector,
    rustls::{
        ClientConfig, RootCertStore, ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName},
    },
};

use crate::{
    client::{Client, VIDEO},
    rig::{Rig, end},
};

/// A listener's side and the certificate that a client trusts.
pub fn acceptor() -> (TlsAcceptor, CertificateDer<'static>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der()).into();
    let certificate = cert.der().clone();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows TLS 1.2 and 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .expect("a fitting pair");
    (TlsAcceptor::from(Arc::new(config)), certificate)
}

#[tokio::test]
async fn a_publisher_by_tls_is_served_like_any() {
    let (acceptor, certificate) = acceptor();
    let mut rig = Rig::start_with(Limits::default(), Some(acceptor)).await;
    let mut roots = RootCertStore::empty();
    roots.add(certificate).expect("a root");
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(rig.address).await.expect("the listener takes connections");
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.expect("a handshake");
    let mut client = Client { stream };
    client.ask("key").await;
    let request = rig.request().await;
    assert_eq!(request.protocol, Protocol::Rtmps);
    let mut media = request.admit();
    client.message(VIDEO, 0, 1, &[0x14, 0]).await;
    assert!(end(&mut media).await.to_string().contains("VP6"));
    assert!(client.said().await.contains("VP6"));
}

#[tokio::test]
async fn who_does_not_speak_tls_is_closed() {
    let limits = Limits { greeting: Duration::from_millis(300), ..Limits::default() };
    let mut rig = Rig::start_with(limits, Some(acceptor().0)).await;
    let mut plain = Client::connect(rig.address).await;
    plain.send(&[3; 1_537]).await;
    plain.said().await;
    Client::connect(rig.address).await.said().await;
    assert!(rig.requests.try_recv().is_err());
}
