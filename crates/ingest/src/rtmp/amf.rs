//! AMF0 (Adobe AMF 0 specification, December 2007), as much as commands and metadata use, with every size bounded.

use bytes::{BufMut, BytesMut};

use crate::AmfError;

/// Objects within objects.
const DEPTH_MAX: usize = 8;
/// Values of one message; an encoder's metadata has some thirty.
const VALUES_MAX: usize = 1_024;

const NUMBER: u8 = 0x00;
const BOOLEAN: u8 = 0x01;
const STRING: u8 = 0x02;
const OBJECT: u8 = 0x03;
const NULL: u8 = 0x05;
const UNDEFINED: u8 = 0x06;
const REFERENCE: u8 = 0x07;
const ECMA_ARRAY: u8 = 0x08;
const OBJECT_END: u8 = 0x09;
const STRICT_ARRAY: u8 = 0x0A;
const DATE: u8 = 0x0B;
const LONG_STRING: u8 = 0x0C;
const UNSUPPORTED: u8 = 0x0D;
const XML: u8 = 0x0F;
const TYPED_OBJECT: u8 = 0x10;

/// A value. It has no `Debug`, because commands carry stream keys.
#[derive(Clone, PartialEq)]
pub(crate) enum Value {
    Number(f64),
    Boolean(bool),
    Text(String),
    Object(Vec<(String, Value)>),
    Array(Vec<Value>),
    Null,
}

impl Value {
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) const fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// A property of an object, the first of its name.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(properties) => {
                properties.iter().find(|(key, _)| key == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }
}

/// All values of a message's body.
pub(crate) fn decode(body: &[u8]) -> Result<Vec<Value>, AmfError> {
    let mut decoder = Decoder { rest: body, values: 0 };
    let mut values = Vec::new();
    while !decoder.rest.is_empty() {
        values.push(decoder.value(DEPTH_MAX)?);
    }
    Ok(values)
}

struct Decoder<'a> {
    rest: &'a [u8],
    values: usize,
}

impl<'a> Decoder<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], AmfError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(AmfError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], AmfError> {
        self.take(N)?.try_into().map_err(|_| AmfError::Truncated)
    }

    fn short_text(&mut self) -> Result<String, AmfError> {
        let length = u16::from_be_bytes(self.array()?);
        Ok(String::from_utf8_lossy(self.take(usize::from(length))?).into_owned())
    }

    fn long_text(&mut self) -> Result<String, AmfError> {
        let length = u32::from_be_bytes(self.array()?) as usize;
        Ok(String::from_utf8_lossy(self.take(length)?).into_owned())
    }

    fn value(&mut self, levels: usize) -> Result<Value, AmfError> {
        let deeper = levels.checked_sub(1).ok_or(AmfError::TooDeep(DEPTH_MAX))?;
        self.values += 1;
        if self.values > VALUES_MAX {
            return Err(AmfError::TooMany(VALUES_MAX));
        }
        let [marker] = self.array()?;
        Ok(match marker {
            NUMBER => Value::Number(f64::from_be_bytes(self.array()?)),
            BOOLEAN => Value::Boolean(self.array::<1>()? != [0]),
            STRING => Value::Text(self.short_text()?),
            LONG_STRING | XML => Value::Text(self.long_text()?),
            OBJECT => Value::Object(self.properties(deeper, false)?),
            TYPED_OBJECT => {
                self.short_text()?;
                Value::Object(self.properties(deeper, false)?)
            }
            ECMA_ARRAY => {
                // The count is a hint at best: some encoders write 0.
                self.take(4)?;
                Value::Object(self.properties(deeper, true)?)
            }
            STRICT_ARRAY => self.elements(deeper)?,
            DATE => {
                let milliseconds = f64::from_be_bytes(self.array()?);
                self.take(2)?;
                Value::Number(milliseconds)
            }
            REFERENCE => {
                self.take(2)?;
                Value::Null
            }
            NULL | UNDEFINED | UNSUPPORTED => Value::Null,
            other => return Err(AmfError::Marker(other)),
        })
    }

    fn elements(&mut self, levels: usize) -> Result<Value, AmfError> {
        let count = u32::from_be_bytes(self.array()?);
        let mut elements = Vec::new();
        for _ in 0..count {
            elements.push(self.value(levels)?);
        }
        Ok(Value::Array(elements))
    }

    /// Up to the end marker; where `open`, the end of the body ends them too.
    fn properties(&mut self, levels: usize, open: bool) -> Result<Vec<(String, Value)>, AmfError> {
        let mut properties = Vec::new();
        loop {
            if open && self.rest.is_empty() {
                return Ok(properties);
            }
            let name = self.short_text()?;
            if name.is_empty() && self.rest.first() == Some(&OBJECT_END) {
                self.take(1)?;
                return Ok(properties);
            }
            properties.push((name, self.value(levels)?));
        }
    }
}

/// Appends a value. Texts are cut at 65,535 bytes.
pub(crate) fn encode(out: &mut BytesMut, value: &Value) {
    match value {
        Value::Number(number) => {
            out.put_u8(NUMBER);
            out.put_f64(*number);
        }
        Value::Boolean(boolean) => out.put_slice(&[BOOLEAN, u8::from(*boolean)]),
        Value::Text(text) => {
            out.put_u8(STRING);
            put_text(out, text);
        }
        Value::Object(properties) => {
            out.put_u8(OBJECT);
            for (name, value) in properties {
                put_text(out, name);
                encode(out, value);
            }
            out.put_slice(&[0, 0, OBJECT_END]);
        }
        Value::Array(elements) => {
            out.put_u8(STRICT_ARRAY);
            out.put_u32(u32::try_from(elements.len()).unwrap_or(0));
            elements.iter().for_each(|element| encode(out, element));
        }
        Value::Null => out.put_u8(NULL),
    }
}

fn put_text(out: &mut BytesMut, text: &str) {
    let text = &text.as_bytes()[..text.floor_char_boundary(usize::from(u16::MAX))];
    out.put_u16(u16::try_from(text.len()).unwrap_or(u16::MAX));
    out.put_slice(text);
}

/// An object of texts and numbers, for what the server says.
pub(crate) fn object<const N: usize>(properties: [(&str, Value); N]) -> Value {
    Value::Object(properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// A text.
pub(crate) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_survived(body in prop::collection::vec(prop_oneof![0_u8..0x12, any::<u8>()], 0..2_000)) {
            let values = decode(&body).unwrap_or_default();
            prop_assert!(values.len() <= VALUES_MAX);
        }
    }

    fn refused(body: &[u8]) -> AmfError {
        decode(body).map(drop).expect_err("refused")
    }

    #[test]
    fn what_is_encoded_decodes() {
        let value = object([
            ("app", text("live")),
            ("list", Value::Array(vec![Value::Number(1.5), Value::Boolean(true), Value::Null])),
            ("inner", object([("x", Value::Number(-1.0))])),
        ]);
        let mut out = BytesMut::new();
        encode(&mut out, &value);
        assert!(decode(&out).expect("decodes") == [value]);
    }

    #[test]
    fn an_ecma_array_may_lie_about_its_count_and_lack_its_end() {
        let open =
            [&[ECMA_ARRAY, 0xFF, 0xFF, 0xFF, 0xFF, 0, 1, b'w', NUMBER][..], &9.0_f64.to_be_bytes()].concat();
        let closed = [&open[..], &[0, 0, OBJECT_END]].concat();
        for body in [open, closed] {
            let values = decode(&body).expect("decodes");
            assert_eq!(values[0].get("w").and_then(Value::number), Some(9.0));
        }
    }

    #[test]
    fn bombs_are_refused_without_memory_for_what_they_claim() {
        let nested = [STRICT_ARRAY, 0, 0, 0, 1].repeat(10_000);
        assert_eq!(refused(&nested), AmfError::TooDeep(DEPTH_MAX));
        assert_eq!(refused(&[STRICT_ARRAY, 0xFF, 0xFF, 0xFF, 0xFF]), AmfError::Truncated);
        let wide = [&[STRICT_ARRAY, 0xFF, 0xFF, 0xFF, 0xFF][..], &[NULL; 60_000]].concat();
        assert_eq!(refused(&wide), AmfError::TooMany(VALUES_MAX));
        assert_eq!(refused(&[LONG_STRING, 0xFF, 0xFF, 0xFF, 0xFF, b'x']), AmfError::Truncated);
        assert_eq!(refused(&[0x11, 0x05]), AmfError::Marker(0x11));
        assert_eq!(refused(&[OBJECT, 0, 1, b'a', NULL]), AmfError::Truncated);
    }
}
