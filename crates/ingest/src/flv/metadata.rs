//! What an encoder says about itself in `onMetaData` (FLV 10.1 §E.5).

use crate::{AmfError, Metadata, rtmp::Value};

/// Characters of an encoder's name.
const NAME_MAX: usize = 128;
const FRAME_RATE_MAX: f64 = 1_000.0;

/// The texts that data messages begin with, as AMF0 writes them.
const SET_DATA_FRAME: &[u8] = b"\x02\x00\x0D@setDataFrame";
const ON_META_DATA: &[u8] = b"\x02\x00\x0AonMetaData";

/// Reads a data message; nothing when it is another one than `onMetaData`, whose values are not looked at then.
pub(crate) fn metadata(body: &[u8]) -> Result<Option<Metadata>, AmfError> {
    let named = body.strip_prefix(SET_DATA_FRAME).unwrap_or(body);
    let Some(values) = named.strip_prefix(ON_META_DATA) else { return Ok(None) };
    Ok(crate::rtmp::decode(values)?.first().map(hints))
}

fn hints(properties: &Value) -> Metadata {
    let number =
        |name: &str| properties.get(name)?.number().filter(|number| number.is_finite() && *number > 0.0);
    let whole = |name: &str| number(name).and_then(whole);
    Metadata {
        encoder: properties.get("encoder").and_then(Value::text).map(|name| printable(name, NAME_MAX)),
        width: whole("width"),
        height: whole("height"),
        frame_rate: number("framerate").or_else(|| number("fps")).filter(|rate| *rate <= FRAME_RATE_MAX),
        video_kbps: number("videodatarate"),
        audio_kbps: number("audiodatarate"),
        sample_rate: whole("audiosamplerate"),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "held against the range before")]
#[expect(clippy::cast_sign_loss, reason = "held against the range before")]
fn whole(number: f64) -> Option<u32> {
    (1.0..=f64::from(u32::MAX)).contains(&number).then_some(number as u32)
}

/// A text of the peer without control characters, at most `chars_max` long.
pub(crate) fn printable(text: &str, chars_max: usize) -> String {
    text.chars().filter(|char| !char.is_control()).take(chars_max).collect()
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;
    use crate::rtmp::encode;

    fn message(values: &[Value]) -> BytesMut {
        let mut body = BytesMut::new();
        values.iter().for_each(|value| encode(&mut body, value));
        body
    }

    #[test]
    fn hints_are_taken_as_far_as_they_make_sense() {
        let text = |text: &str| Value::Text(text.to_owned());
        let properties = Value::Object(vec![
            ("encoder".to_owned(), text("Lavf\u{1b}[2J59")),
            ("width".to_owned(), Value::Number(1_280.0)),
            ("height".to_owned(), Value::Number(f64::NAN)),
            ("framerate".to_owned(), Value::Number(29.97)),
            ("videodatarate".to_owned(), Value::Number(-1.0)),
            ("audiosamplerate".to_owned(), Value::Number(1e300)),
        ]);
        let body = message(&[text("@setDataFrame"), text("onMetaData"), properties]);
        let expected = Metadata {
            encoder: Some("Lavf[2J59".to_owned()),
            width: Some(1_280),
            frame_rate: Some(29.97),
            ..Metadata::default()
        };
        assert_eq!(metadata(&body), Ok(Some(expected)));
        assert_eq!(metadata(&message(&[text("onTextData"), Value::Null])), Ok(None));
        let bomb = [ON_META_DATA, &[0x0A, 0xFF, 0xFF, 0xFF, 0xFF]].concat();
        assert_eq!(metadata(&bomb), Err(AmfError::Truncated));
        assert_eq!(metadata(&bomb[1..]), Ok(None));
    }
}
