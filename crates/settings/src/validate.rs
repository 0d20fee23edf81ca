//! Validation: every range is checked once, at start.

use std::{fmt::Display, net::IpAddr, ops::RangeInclusive};

use url::Url;

use crate::{Settings, SettingsError};

/// As many as a ladder may have.
const HEIGHTS_MAX: usize = 8;
const LIVE_HEIGHTS_MAX: usize = 6;
const PRESETS: [&str; 9] =
    ["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow"];
const VISIBILITIES: [&str; 3] = ["public", "unlisted", "private"];
/// Shorter shared secrets can be guessed.
const CREDENTIAL_BYTES_MIN: usize = 16;
/// As long as the output of the hash that keys are used with.
const WEBHOOK_KEY_BYTES_MIN: usize = 32;

fn invalid(key: &'static str, problem: String) -> SettingsError {
    SettingsError::Invalid { key, problem }
}

fn within<T: PartialOrd + Display>(
    key: &'static str,
    value: T,
    range: RangeInclusive<T>,
) -> Result<(), SettingsError> {
    if range.contains(&value) {
        return Ok(());
    }
    let (low, high) = (range.start(), range.end());
    Err(invalid(key, format!("is {value}, but must lie between {low} and {high}")))
}

fn http_url(key: &'static str, text: &str) -> Result<(), SettingsError> {
    if text.is_empty() {
        return Ok(());
    }
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.query().is_none() => Ok(()),
        _ => Err(invalid(key, format!("is {text:?}, but must be an http:// or https:// address"))),
    }
}

fn network(key: &'static str, text: &str) -> Result<(), SettingsError> {
    let wrong =
        || invalid(key, format!("holds {text:?}, but needs addresses or networks such as 10.0.0.0/8"));
    let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
    let address: IpAddr = address.parse().map_err(|_| wrong())?;
    let bits_max = if address.is_ipv4() { 32u8 } else { 128 };
    match bits.map(str::parse::<u8>) {
        None => Ok(()),
        Some(Ok(bits)) if bits <= bits_max => Ok(()),
        Some(_) => Err(wrong()),
    }
}

impl Settings {
    /// Checks every range.
    ///
    /// # Errors
    /// [`SettingsError::Invalid`] for the first key out of its range.
    pub fn validate(&self) -> Result<(), SettingsError> {
        self.validate_server()?;
        self.validate_stores()?;
        self.validate_intake()?;
        self.validate_transcode()?;
        self.validate_live()?;
        self.validate_edge()
    }

    fn validate_server(&self) -> Result<(), SettingsError> {
        let server = &self.server;
        http_url("server.public_url", &server.public_url)?;
        http_url("server.edge_url", &server.edge_url)?;
        server.trusted_proxies.iter().try_for_each(|text| network("server.trusted_proxies", text))?;
        within("server.connections_max", server.connections_max, 1..=1_000_000)?;
        within("server.shutdown_farewell_seconds", server.shutdown_farewell_seconds, 0..=300)?;
        within("server.shutdown_grace_seconds", server.shutdown_grace_seconds, 0..=3_600)?;
        if !self.telemetry.metrics_token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            let problem = "must be visible ASCII without spaces, as a header carries it";
            return Err(invalid("telemetry.metrics_token", problem.into()));
        }
        self.validate_tls()
    }

    fn validate_tls(&self) -> Result<(), SettingsError> {
        let (cert, key) = (self.tls.cert.as_os_str().is_empty(), self.tls.key.as_os_str().is_empty());
        if cert != key {
            let missing = if cert { "tls.cert" } else { "tls.key" };
            return Err(invalid(missing, "is empty: tls.cert and tls.key go together".into()));
        }
        if self.tls.self_signed && !cert {
            let problem = "leaves nothing for tls.cert and tls.key to say: use one or the other";
            return Err(invalid("tls.self_signed", problem.into()));
        }
        Ok(())
    }

    fn validate_stores(&self) -> Result<(), SettingsError> {
        if self.data.as_os_str().is_empty() {
            return Err(invalid("data", "is empty, but must name a folder".into()));
        }
        let url = self.database_url();
        if !["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(invalid("database.url", "must begin with sqlite: or postgres://".into()));
        }
        if !self.store.url.is_empty() {
            crate::Bucket::parse(&self.store.url).map_err(|problem| invalid("store.url", problem))?;
        }
        if self.store.access_key.is_empty() != self.store.secret_key.is_empty() {
            let problem = "is one half of a pair: store.access_key and store.secret_key go together";
            return Err(invalid("store.secret_key", problem.into()));
        }
        if self.store.presigned_reads && (self.store.url.is_empty() || self.store.access_key.is_empty()) {
            let problem = "needs a bucket (store.url) and its key (store.access_key)";
            return Err(invalid("store.presigned_reads", problem.into()));
        }
        within("database.connections_max", self.database.connections_max, 1..=1_000)?;
        within("upload.size_max_bytes", self.upload.size_max_bytes, 1..=1 << 50)?;
        within("upload.expiry_hours", self.upload.expiry_hours, 1..=8_760)?;
        within("upload.stall_seconds", self.upload.stall_seconds, 1..=3_600)
    }

    fn validate_intake(&self) -> Result<(), SettingsError> {
        let (import, watch) = (&self.import, &self.watch);
        if let Some(text) = import.allow.iter().find(|text| crate::HostPattern::parse(text).is_none()) {
            let problem = format!("holds {text:?}, but needs hosts such as films.example or *.example.com");
            return Err(invalid("import.allow", problem));
        }
        import.allow_private.iter().try_for_each(|text| network("import.allow_private", text))?;
        within("import.workers", import.workers, 0..=64)?;
        within("import.stall_seconds", import.stall_seconds, 1..=3_600)?;
        within("import.time_max_seconds", import.time_max_seconds, 1..=30 * 24 * 3_600)?;
        within("import.attempts_max", import.attempts_max, 1..=100)?;
        if !VISIBILITIES.contains(&watch.visibility.as_str()) {
            let problem =
                format!("is {:?}, but must be one of {}", watch.visibility, VISIBILITIES.join(", "));
            return Err(invalid("watch.visibility", problem));
        }
        within("watch.settle_seconds", watch.settle_seconds, 1..=86_400)?;
        within("watch.at_once", watch.at_once, 1..=16)
    }

    fn validate_transcode(&self) -> Result<(), SettingsError> {
        let transcode = &self.transcode;
        within("transcode.workers", transcode.workers, 0..=256)?;
        within("transcode.crf", u32::from(transcode.crf), 0..=51)?;
        within("transcode.chunk_seconds", transcode.chunk_seconds, 6..=3_600)?;
        within("transcode.duration_max_seconds", transcode.duration_max_seconds, 1..=30 * 24 * 3_600)?;
        within("transcode.dimension_max", transcode.dimension_max, 16..=16_384)?;
        within("transcode.child_memory_max_mb", transcode.child_memory_max_mb, 256..=65_536)?;
        within("transcode.child_cpu_max_seconds", transcode.child_cpu_max_seconds, 10..=1_000_000)?;
        within("transcode.stall_seconds", transcode.stall_seconds, 1..=3_600)?;
        within("transcode.lease_seconds", transcode.lease_seconds, 3..=3_600)?;
        within("transcode.attempts_max", transcode.attempts_max, 1..=100)?;
        within("transcode.patrol_seconds", transcode.patrol_seconds, 1..=30 * 24 * 3_600)?;
        if !PRESETS.contains(&transcode.preset.as_str()) {
            let problem = format!("is {:?}, but must be one of {}", transcode.preset, PRESETS.join(", "));
            return Err(invalid("transcode.preset", problem));
        }
        if transcode.heights.is_empty() || transcode.heights.len() > HEIGHTS_MAX {
            return Err(invalid("transcode.heights", format!("must name 1 to {HEIGHTS_MAX} heights")));
        }
        transcode.heights.iter().try_for_each(|height| within("transcode.heights", *height, 90..=4_320))
    }

    fn validate_live(&self) -> Result<(), SettingsError> {
        let heights = &self.live.heights;
        if heights.len() > LIVE_HEIGHTS_MAX {
            return Err(invalid("live.heights", format!("must name at most {LIVE_HEIGHTS_MAX} heights")));
        }
        heights.iter().try_for_each(|height| within("live.heights", *height, 90..=2_160))
    }

    fn validate_edge(&self) -> Result<(), SettingsError> {
        let edge = &self.edge;
        http_url("edge.upstream", &edge.upstream)?;
        within("edge.cache_memory_mb", edge.cache_memory_mb, 1..=1 << 20)?;
        within("edge.live_memory_mb", edge.live_memory_mb, 1..=1 << 20)?;
        within("edge.cache_object_max_mb", edge.cache_object_max_mb, 1..=edge.cache_memory_mb)?;
        within("edge.jwks_refresh_seconds", edge.jwks_refresh_seconds, 5..=86_400)?;
        within("edge.upstream_timeout_seconds", edge.upstream_timeout_seconds, 1..=600)?;
        if !edge.credential.is_empty() && edge.credential.expose().len() < CREDENTIAL_BYTES_MIN {
            return Err(invalid(
                "edge.credential",
                format!("must have at least {CREDENTIAL_BYTES_MIN} characters"),
            ));
        }
        edge.purge.iter().try_for_each(|url| http_url("edge.purge", url))?;
        if !edge.purge.is_empty() && edge.credential.is_empty() {
            return Err(invalid("edge.credential", "is empty, but edge.purge needs it".into()));
        }
        let webhook_key = &self.webhook.key;
        if !webhook_key.is_empty() && webhook_key.expose().len() < WEBHOOK_KEY_BYTES_MIN {
            let problem = format!("must have at least {WEBHOOK_KEY_BYTES_MIN} characters");
            return Err(invalid("webhook.key", problem));
        }
        within("playback.token_ttl_seconds", self.playback.token_ttl_seconds, 60..=604_800)?;
        within("playback.token_bucket_seconds", self.playback.token_bucket_seconds, 1..=86_400)?;
        within("playback.version_grace_seconds", self.playback.version_grace_seconds, 0..=30 * 24 * 3_600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut Settings)) -> &'static str {
        let mut settings = Settings::default();
        change(&mut settings);
        match settings.validate().expect_err("out of range") {
            SettingsError::Invalid { key, .. } => key,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn the_defaults_are_valid() {
        Settings::default().validate().expect("valid");
    }

    #[test]
    fn each_range_names_its_key() {
        assert_eq!(refused(|s| s.server.public_url = "ftp://x".into()), "server.public_url");
        assert_eq!(
            refused(|s| s.server.trusted_proxies = vec!["10.0.0.0/33".into()]),
            "server.trusted_proxies"
        );
        assert_eq!(refused(|s| s.tls.cert = "a.pem".into()), "tls.key");
        assert_eq!(refused(|s| s.tls.key = "a.pem".into()), "tls.cert");
        let both = |s: &mut Settings| {
            s.tls = crate::Tls { cert: "a.pem".into(), key: "b.pem".into(), self_signed: true };
        };
        assert_eq!(refused(both), "tls.self_signed");
        let spaced = |s: &mut Settings| s.telemetry.metrics_token = crate::Secret::new("a b");
        assert_eq!(refused(spaced), "telemetry.metrics_token");
        assert_eq!(refused(|s| s.database.url = crate::Secret::new("mysql://x")), "database.url");
        assert_eq!(refused(|s| s.store.presigned_reads = true), "store.presigned_reads");
        assert_eq!(refused(|s| s.import.allow = vec!["*.com".into()]), "import.allow");
        assert_eq!(refused(|s| s.import.allow_private = vec!["lan".into()]), "import.allow_private");
        assert_eq!(refused(|s| s.import.attempts_max = 0), "import.attempts_max");
        assert_eq!(refused(|s| s.watch.visibility = "secret".into()), "watch.visibility");
        assert_eq!(refused(|s| s.watch.settle_seconds = 0), "watch.settle_seconds");
        assert_eq!(refused(|s| s.watch.at_once = 17), "watch.at_once");
        assert_eq!(refused(|s| s.transcode.preset = "warp".into()), "transcode.preset");
        assert_eq!(refused(|s| s.transcode.heights = vec![7]), "transcode.heights");
        assert_eq!(refused(|s| s.live.heights = vec![360; 7]), "live.heights");
        assert_eq!(refused(|s| s.live.heights = vec![88]), "live.heights");
        assert_eq!(refused(|s| s.edge.cache_object_max_mb = 1_000), "edge.cache_object_max_mb");
        assert_eq!(refused(|s| s.edge.credential = crate::Secret::new("short")), "edge.credential");
        assert_eq!(refused(|s| s.edge.purge = vec!["edge:8081".into()]), "edge.purge");
        assert_eq!(refused(|s| s.edge.purge = vec!["http://edge:8081".into()]), "edge.credential");
        assert_eq!(refused(|s| s.webhook.key = crate::Secret::new("short")), "webhook.key");
    }
}
