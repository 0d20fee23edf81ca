//! What an S3 server's refusal means.

use std::{error::Error, io};

use aws_sdk_s3::{
    config::http::HttpResponse,
    error::{DisplayErrorContext, SdkError},
};

use crate::BlobError;

/// A request that failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// There is no such object or upload.
    Missing,
    /// There is one, and the request was for a new one.
    Exists,
    /// The range begins past the end.
    PastEnd,
    /// No room is left.
    Full,
    /// Anything else; a later attempt may succeed.
    Other(String),
}

impl Failure {
    /// For callers to whom the named object's absence means nothing special.
    pub(super) fn error(self, name: &str) -> BlobError {
        match self {
            Self::Missing => BlobError::NotFound(name.to_owned()),
            Self::Full => BlobError::Full,
            Self::Exists => BlobError::Io(io::Error::other("the object has changed meanwhile")),
            Self::PastEnd => BlobError::Io(io::Error::other("a range past the end")),
            Self::Other(text) => BlobError::Io(io::Error::other(text)),
        }
    }
}

/// The answer, or what its refusal means by its status (RFC 9110 section 15, RFC 4918 section 11.5).
pub(super) fn of<T, E: Error + 'static>(answer: Result<T, SdkError<E, HttpResponse>>) -> Result<T, Failure> {
    answer.map_err(|error| match error.raw_response().map(|response| response.status().as_u16()) {
        Some(404) => Failure::Missing,
        // 409 is a conditional write that met another one.
        Some(409 | 412) => Failure::Exists,
        Some(416) => Failure::PastEnd,
        Some(507) => Failure::Full,
        _ => Failure::Other(DisplayErrorContext(error).to_string()),
    })
}
