//! How a resource came.

/// What is known of the HTTP response that brought a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// `Content-Type`, as sent.
    pub content_type: Option<String>,
    /// `Content-Encoding`, as sent.
    pub content_encoding: Option<String>,
    /// Whether redirects led to it.
    pub redirected: bool,
}

/// Why a resource could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It is larger than the fetch allows.
    TooLarge,
    /// It cannot be read; the reason is for people.
    Unreadable(String),
}
