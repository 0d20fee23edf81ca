//! What an S3 server's refusal means.

use std::{error::Error, io};

use aws_sdk_s3::{
    config::http::HttpResponse,
    error::{DisplayErrorContext, SdkError},
};

use crate::BlobError;

/// Why a request failed.
#[derive(Debug)]
pub(super) enum Reason {
    /// There is no such object or upload.
    Missing,
    /// What is there is not what the request was on condition of.
    Changed,
    /// The range begins past the end.
    PastEnd,
    /// No room is left.
    Full,
    /// Other bytes came than were sent, or than are there.
    Damaged,
    /// Anything else; a later attempt may succeed.
    Other(String),
}

/// A request about `name` that failed.
#[derive(Debug)]
pub(super) struct Failure {
    name: String,
    pub(super) reason: Reason,
}

/// For callers to whom the reason means nothing special.
impl From<Failure> for BlobError {
    fn from(Failure { name, reason }: Failure) -> Self {
        match reason {
            Reason::Missing => Self::NotFound(name),
            Reason::Full => Self::Full,
            Reason::Damaged => Self::Damaged(name),
            Reason::Changed => Self::Io(io::Error::other(format!("{name} has changed meanwhile"))),
            Reason::PastEnd => Self::Io(io::Error::other(format!("a range past the end of {name}"))),
            Reason::Other(text) => Self::Io(io::Error::other(text)),
        }
    }
}

impl Failure {
    pub(super) fn changed(name: &str) -> Self {
        Self { name: name.to_owned(), reason: Reason::Changed }
    }

    pub(super) fn damaged(name: &str) -> Self {
        Self { name: name.to_owned(), reason: Reason::Damaged }
    }
}

/// The answer about `name`, or what its refusal means by its status (RFC 9110 section 15, RFC 4918 section 11.5).
pub(super) fn of<T, E: Error + 'static>(
    name: &str,
    answer: Result<T, SdkError<E, HttpResponse>>,
) -> Result<T, Failure> {
    answer.map_err(|error| {
        let reason = match error.raw_response().map(|response| response.status().as_u16()) {
            Some(404) => Reason::Missing,
            // 409 is a conditional write that met another one.
            Some(409 | 412) => Reason::Changed,
            Some(416) => Reason::PastEnd,
            Some(507) => Reason::Full,
            _ => Reason::Other(DisplayErrorContext(error).to_string()),
        };
        Failure { name: name.to_owned(), reason }
    })
}

/// The answer, or `None` when there is nothing of that name.
pub(super) fn found<T>(answer: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match answer {
        Err(Failure { reason: Reason::Missing, .. }) => Ok(None),
        answer => answer.map(Some),
    }
}
