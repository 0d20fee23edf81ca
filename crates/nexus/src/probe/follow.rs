//! Follows one media playlist at its live edge, part by part.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use axum::body::Body;
use base::Ambient;
use bytes::Bytes;
use http::Request;
use httpkit::client::{Client, collect};
use media::cmaf;
use url::Url;

use super::{
    LIST_BYTES_MAX,
    figures::{Arrival, Figures},
    list::{List, Part},
};

/// Largest part read, in bytes.
const PART_BYTES_MAX: u64 = 64 << 20;

/// Reads lists and parts.
pub struct Follower {
    client: Client,
    ambient: Ambient,
}

impl Follower {
    /// One that reads by `client`.
    pub const fn new(client: Client, ambient: Ambient) -> Self {
        Self { client, ambient }
    }

    /// A playlist.
    ///
    /// # Errors
    /// When it is not there, too long, or no text.
    pub async fn text(&self, url: &Url) -> Result<String> {
        let bytes = self.get(url, LIST_BYTES_MAX).await?;
        String::from_utf8(bytes.into()).with_context(|| format!("{url} is no text"))
    }

    async fn get(&self, url: &Url, bytes_max: u64) -> Result<Bytes> {
        let request = Request::get(url.as_str()).body(Body::empty())?;
        let answer = self.client.send(request).await.with_context(|| format!("asking for {url}"))?;
        ensure!(answer.status().is_success(), "{url} answers {}", answer.status());
        collect(answer.into_body(), bytes_max).await.with_context(|| format!("reading {url}"))
    }

    /// Follows a media playlist for so long, or to its end; `seen` is called for every part.
    ///
    /// # Errors
    /// When it is no low-latency list, something cannot be read, or nothing new came in all the time.
    pub async fn follow(&self, url: &Url, length: Duration, seen: impl Fn()) -> Result<Figures> {
        let list = List::read(&self.text(url).await?)?;
        let mut figures = Figures::of(list.part_target_us);
        let (until, mut next) = (self.ambient.monotonic() + length, list.next);
        ensure!(!list.ended, "the broadcast is over");
        while self.ambient.monotonic() < until {
            let list = List::read(&self.text(&blocking(url, next)).await?)?;
            let news = list.parts.iter().filter(|part| part.place >= next);
            figures.missed += missed(next, &list);
            for part in news {
                figures.add(self.arrival(url, part).await?);
                seen();
            }
            next = list.next;
            if list.ended {
                break;
            }
        }
        ensure!(!figures.is_empty(), "no part came");
        Ok(figures)
    }

    async fn arrival(&self, url: &Url, part: &Part) -> Result<Arrival> {
        let address = url.join(&part.uri).with_context(|| format!("{url} names {:?}", part.uri))?;
        let bytes = self.get(&address, PART_BYTES_MAX).await?;
        let received_us = self.ambient.now().micros();
        let produced_us = cmaf::produced_us(&bytes);
        Ok(Arrival { received_us, produced_us, date_us: part.date.map(|date| date.0) })
    }
}

/// The address that is answered once the part is there (draft-pantos-hls-rfc8216bis-22 section 6.2.5.2).
fn blocking(url: &Url, (msn, part): (u64, u64)) -> Url {
    let mut url = url.clone();
    url.query_pairs_mut()
        .append_pair("_HLS_msn", &msn.to_string())
        .append_pair("_HLS_part", &part.to_string());
    url
}

/// Parts of the segment that was waited for, as far as can be told, that the list has no more.
fn missed((msn, index): (u64, u64), list: &List) -> u64 {
    let first = list.parts.iter().map(|part| part.place).find(|place| *place >= (msn, index));
    match first {
        Some((of, at)) if of == msn => at - index,
        Some((of, at)) if of > msn + 1 => at.max(1),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(places: &[(u64, u64)]) -> List {
        let part = |place: &(u64, u64)| Part { place: *place, uri: String::new(), length_us: 1, date: None };
        List { parts: places.iter().map(part).collect(), ..List::default() }
    }

    #[test]
    fn the_next_part_is_asked_for_beside_what_the_address_says() {
        let url = "https://h/a.m3u8?token=x".parse().expect("a URL");
        assert_eq!(blocking(&url, (7, 3)).as_str(), "https://h/a.m3u8?token=x&_HLS_msn=7&_HLS_part=3");
    }

    #[test]
    fn parts_that_are_gone_are_counted() {
        assert_eq!(missed((7, 3), &list(&[(7, 2), (7, 3), (7, 4)])), 0);
        assert_eq!(missed((7, 3), &list(&[(7, 5), (7, 6)])), 2);
        assert_eq!(missed((7, 3), &list(&[(8, 0)])), 0, "the segment ended");
        assert_eq!(missed((7, 3), &list(&[(12, 0)])), 1, "more than can be told");
    }
}
