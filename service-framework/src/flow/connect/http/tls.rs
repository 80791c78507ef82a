//! What `https` trusts: the certificates of the system, and those of the settings.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::{HttpError, HttpSettings};

/// How connections are secured, and whether there is no certificate to trust.
pub(super) fn config(settings: &HttpSettings) -> Result<(ClientConfig, bool), HttpError> {
    let mut roots = RootCertStore::empty();
    // What cannot be read of the system's is skipped: other connections do not need it.
    let system = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(system.certs);
    for certificate in CertificateDer::pem_slice_iter(&settings.certificates) {
        let wrong = |what: String| HttpError::Certificates(what);
        let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
        roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
    }
    let none = roots.is_empty();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| HttpError::Client(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok((config, none))
}
