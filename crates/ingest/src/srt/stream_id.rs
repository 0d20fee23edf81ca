//! What a stream ID asks for (SRT access control guidelines, `docs/features/access-control.md` of libsrt).

use super::gate::No;

/// What begins the standard form.
const STANDARD: &[u8] = b"#!::";
const CHANNEL_BYTES_MAX: usize = 128;

/// What is wanted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The channel that is named; letters, digits, `-` and `_`, 1 to 128 of them.
    pub(super) channel: String,
    /// Who publishes (`u`), if that is said, at most 128 characters.
    pub(super) user: String,
}

/// Reads a stream ID: a channel and nothing else, or `#!::r=CHANNEL,m=publish` with more keys in any order, of which
/// those that name no channel, mode, kind or user say nothing to this server.
pub(super) fn read(stream_id: &[u8]) -> Result<Wanted, No> {
    let Some(keys) = stream_id.strip_prefix(STANDARD) else {
        return Ok(Wanted { channel: channel(stream_id)?, user: String::new() });
    };
    // The mode is `request` where none is said: the peer wants to play.
    let (mut resource, mut mode, mut kind, mut user) = (&b""[..], &b"request"[..], &b"stream"[..], &b""[..]);
    for pair in keys.split(|byte| *byte == b',') {
        let at = pair.iter().position(|byte| *byte == b'=').ok_or(No::Malformed)?;
        let (key, value) = (&pair[..at], &pair[at + 1..]);
        match key {
            b"r" => resource = value,
            b"m" => mode = value,
            b"t" => kind = value,
            b"u" => user = value,
            _ => {}
        }
    }
    match (mode, kind) {
        (b"publish", b"stream") => {
            let user = String::from_utf8_lossy(user);
            let printable = user.chars().filter(|letter| !letter.is_control()).take(CHANNEL_BYTES_MAX);
            Ok(Wanted { channel: channel(resource)?, user: printable.collect() })
        }
        (b"publish", _) => Err(No::Media),
        _ => Err(No::Mode),
    }
}

fn channel(name: &[u8]) -> Result<String, No> {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let whole = (1..=CHANNEL_BYTES_MAX).contains(&name.len()) && name.iter().all(fits);
    whole.then(|| name.iter().copied().map(char::from).collect()).ok_or(No::Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn channel_of(stream_id: &str) -> Result<String, No> {
        read(stream_id.as_bytes()).map(|wanted| wanted.channel)
    }

    #[test]
    fn a_channel_alone_and_the_standard_form_say_the_same() {
        let forms = ["ch_01", "#!::r=ch_01,m=publish", "#!::u=me,t=stream,m=publish,s=7,r=ch_01"];
        assert_eq!(forms.map(channel_of), [(); 3].map(|()| Ok("ch_01".to_owned())));
        assert_eq!(read(b"#!::r=c,m=publish,u=me").map(|wanted| wanted.user), Ok("me".to_owned()));
    }

    #[test]
    fn what_asks_for_something_else_is_told_so() {
        assert_eq!(channel_of("#!::r=ch_01"), Err(No::Mode));
        assert_eq!(channel_of("#!::r=ch_01,m=request"), Err(No::Mode));
        assert_eq!(channel_of("#!::r=ch_01,m=publish,t=file"), Err(No::Media));
        for text in ["", "#!::", "#!::r=,m=publish", "#!::ch_01", "live/ch_01", "#!:{r=1}", "a b", "é"] {
            assert_eq!(channel_of(text), Err(No::Malformed), "{text}");
        }
        assert_eq!(channel_of(&"a".repeat(129)), Err(No::Malformed));
    }

    proptest! {
        #[test]
        fn no_stream_id_panics(bytes: Vec<u8>, standard: bool) {
            let bytes = if standard { [STANDARD, &bytes].concat() } else { bytes };
            if let Ok(wanted) = read(&bytes) {
                prop_assert!((1..=CHANNEL_BYTES_MAX).contains(&wanted.channel.len()));
            }
        }
    }
}
