//! AMF0 as a client writes it.

pub fn text(text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("a short text");
    [&[2][..], &length.to_be_bytes(), text.as_bytes()].concat()
}

pub fn number(number: f64) -> Vec<u8> {
    [&[0][..], &number.to_be_bytes()].concat()
}

pub fn null() -> Vec<u8> {
    vec![5]
}

pub fn object(properties: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut out = vec![3];
    for (name, value) in properties {
        out.extend_from_slice(&text(name)[1..]);
        out.extend_from_slice(value);
    }
    out.extend_from_slice(&[0, 0, 9]);
    out
}
