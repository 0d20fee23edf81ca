//! The address of a bucket: `s3://NAME/PREFIX?endpoint=URL&region=REGION`.

use url::Url;

/// What such an address says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The bucket's name.
    pub name: String,
    /// What every key in it begins with: empty, or ending in a slash.
    pub prefix: String,
    /// The server; `None` is AWS.
    pub endpoint: Option<String>,
    /// The region that requests are signed for.
    pub region: String,
}

const REGION: &str = "us-east-1";
const PREFIX_BYTES_MAX: usize = 256;

impl Bucket {
    /// Reads an address.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with its key.
    pub fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).ok().filter(|url| url.scheme() == "s3");
        let url = url.ok_or("must begin with s3:// and name a bucket")?;
        let name = url.host_str().filter(|name| !name.is_empty()).ok_or("names no bucket")?.to_owned();
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-/".contains(&byte);
        let path = url.path().trim_matches('/');
        if path.len() > PREFIX_BYTES_MAX
            || !path.bytes().all(plain)
            || path.split('/').any(|part| part == "..")
        {
            return Err(format!(
                "has the prefix {path:?}, but only a-z, 0-9, dots, dashes and slashes are taken"
            ));
        }
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        let mut bucket = Self { name, prefix, endpoint: None, region: REGION.into() };
        for (key, value) in url.query_pairs() {
            match &*key {
                "endpoint" => bucket.endpoint = Some(endpoint(&value)?),
                "region" => bucket.region = value.into_owned(),
                other => return Err(format!("has {other:?}, but only endpoint and region are known")),
            }
        }
        Ok(bucket)
    }
}

fn endpoint(text: &str) -> Result<String, String> {
    let wrong = || format!("has the endpoint {text:?}, but needs an http:// or https:// address");
    let url = Url::parse(text).map_err(|_| wrong())?;
    let plain =
        matches!(url.scheme(), "http" | "https") && url.query().is_none() && url.username().is_empty();
    if plain { Ok(text.trim_end_matches('/').to_owned()) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let read = Bucket::parse("s3://films/nexus/one?endpoint=http://127.0.0.1:8333/&region=eu-west-3");
        let expected = Bucket {
            name: "films".into(),
            prefix: "nexus/one/".into(),
            endpoint: Some("http://127.0.0.1:8333".into()),
            region: "eu-west-3".into(),
        };
        assert_eq!(read, Ok(expected));
        let plain = Bucket::parse("s3://films").expect("read");
        assert_eq!((plain.prefix.as_str(), plain.endpoint, plain.region.as_str()), ("", None, REGION));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in [
            "films",
            "http://films",
            "s3://",
            "s3:///prefix",
            "s3://films/A",
            "s3://films?endpoint=ftp://host",
            "s3://films?endpoint=http://user:key@host",
            "s3://films?secret=x",
        ] {
            assert!(Bucket::parse(text).is_err(), "{text}");
        }
    }
}
