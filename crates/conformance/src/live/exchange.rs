//! One request of a player and what it was answered.

/// A request and its answer, as a player saw them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// Who asked: requests of one player share it. Only for reading findings.
    pub player: u32,
    /// GET or HEAD.
    pub method: String,
    /// Absolute URI, with its query.
    pub url: String,
    /// The request's headers, names in lower case.
    pub asked: Vec<(String, String)>,
    /// Status; 0 when no whole answer came.
    pub status: u16,
    /// Major version of HTTP that was spoken; 0 when it is not known.
    pub http: u8,
    /// The answer's headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The answer's body, without its content coding.
    pub body: Vec<u8>,
    /// Bytes of the body as they came, in their content coding.
    pub transferred: u64,
    /// When the request was sent, in microseconds of the watcher's clock.
    pub started_us: i64,
    /// When the last byte had come, by the same clock.
    pub finished_us: i64,
}

/// The delivery directives of a request (RFC 8216bis section 6.2.5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Directives {
    pub msn: Option<u64>,
    pub part: Option<u64>,
    pub skip: Option<String>,
}

impl Directives {
    pub const fn blocks(&self) -> bool {
        self.msn.is_some()
    }
}

impl Exchange {
    /// A header of the answer.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        value(&self.headers, name)
    }

    /// A header of the request.
    #[must_use]
    pub fn asked(&self, name: &str) -> Option<&str> {
        value(&self.asked, name)
    }

    /// The address without its query.
    #[must_use]
    pub fn place(&self) -> &str {
        self.url.split(['?', '#']).next().unwrap_or_default()
    }

    /// How long it took, in microseconds.
    #[must_use]
    pub const fn took_us(&self) -> i64 {
        self.finished_us.saturating_sub(self.started_us)
    }

    /// `max-age` (RFC 9111 section 5.2.2.1), in seconds.
    pub(super) fn max_age(&self) -> Option<u64> {
        let control = self.header("cache-control")?;
        control.split(',').find_map(|directive| directive.trim().strip_prefix("max-age=")?.parse().ok())
    }

    /// Whether a shared cache must not keep the answer.
    pub(super) fn is_uncacheable(&self) -> bool {
        let control = self.header("cache-control").unwrap_or_default();
        control.split(',').any(|directive| matches!(directive.trim(), "no-store" | "private" | "no-cache"))
    }

    /// By how much the answer may be older than the request: what a cache on the way may have kept it. Caches
    /// count in whole seconds.
    pub(super) fn staleness_us(&self) -> i64 {
        let seconds = self.max_age().map_or(0, |seconds| seconds.saturating_add(1));
        i64::try_from(seconds.saturating_mul(1_000_000)).unwrap_or(i64::MAX)
    }

    pub(super) fn directives(&self) -> Directives {
        let mut read = Directives::default();
        let query = self.url.split_once('?').map_or("", |(_, query)| query);
        for (name, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match name {
                "_HLS_msn" => read.msn = value.parse().ok(),
                "_HLS_part" => read.part = value.parse().ok(),
                "_HLS_skip" => read.skip = Some(value.to_owned()),
                _ => {}
            }
        }
        read
    }
}

fn value<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}
