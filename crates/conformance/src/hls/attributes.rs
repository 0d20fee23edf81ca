//! Attribute lists (RFC 8216bis section 4.2).

use super::{decimal_float, decimal_integer, variables::Scope};
use crate::finding::Faults;

/// The attributes of one tag.
pub(crate) struct Attributes {
    tag: String,
    line: u32,
    list: Vec<Attribute>,
}

struct Attribute {
    name: String,
    value: String,
    quoted: bool,
}

/// Whether an attribute's value stands in quotes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Quoted,
    Plain,
}

impl Attributes {
    /// Reads the list after a tag's colon; variables in quoted values are replaced.
    pub fn read(tag: &str, line: u32, text: &str, scope: &Scope, faults: &mut Faults) -> Self {
        let mut attributes = Self { tag: tag.to_owned(), line, list: Vec::new() };
        let mut rest = text;
        while !rest.is_empty() {
            match next_attribute(rest) {
                Ok((attribute, after)) => {
                    attributes.push(attribute, scope, faults);
                    rest = after;
                }
                Err(problem) => {
                    faults.line(line, format!("{tag}: {problem}"));
                    break;
                }
            }
        }
        attributes
    }

    fn push(&mut self, mut attribute: Attribute, scope: &Scope, faults: &mut Faults) {
        if self.list.iter().any(|known| known.name == attribute.name) {
            faults.line(self.line, format!("{}: {} stands twice", self.tag, attribute.name));
        }
        if attribute.quoted {
            attribute.value = scope.expand(&attribute.value, self.line, faults);
        }
        self.list.push(attribute);
    }

    fn get(&self, name: &str, form: Form, faults: &mut Faults) -> Option<&str> {
        let attribute = self.list.iter().find(|attribute| attribute.name == name)?;
        if attribute.quoted != (form == Form::Quoted) {
            let wanted = if form == Form::Quoted { "lacks quotes" } else { "must not be quoted" };
            faults.line(self.line, format!("{}: {name} {wanted}", self.tag));
        }
        Some(&attribute.value)
    }

    /// A quoted-string.
    pub fn quoted(&self, name: &str, faults: &mut Faults) -> Option<String> {
        self.get(name, Form::Quoted, faults).map(str::to_owned)
    }

    /// An enumerated-string.
    pub fn plain(&self, name: &str, faults: &mut Faults) -> Option<String> {
        self.get(name, Form::Plain, faults).map(str::to_owned)
    }

    /// A decimal-integer.
    pub fn integer(&self, name: &str, faults: &mut Faults) -> Option<u64> {
        self.number(name, "a decimal integer", decimal_integer, faults)
    }

    /// A decimal-floating-point.
    pub fn float(&self, name: &str, faults: &mut Faults) -> Option<f64> {
        self.number(name, "a decimal number", decimal_float, faults)
    }

    /// YES or NO; NO when absent.
    pub fn yes(&self, name: &str, faults: &mut Faults) -> bool {
        match self.get(name, Form::Plain, faults) {
            None | Some("NO") => false,
            Some("YES") => true,
            Some(other) => {
                let message = format!("{}: {name} is `{other}`, neither YES nor NO", self.tag);
                faults.line(self.line, message);
                false
            }
        }
    }

    /// Names and values, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.list.iter().map(|attribute| (attribute.name.as_str(), attribute.value.as_str()))
    }

    /// Whether an attribute is there.
    pub fn has(&self, name: &str) -> bool {
        self.list.iter().any(|attribute| attribute.name == name)
    }

    /// Says that an attribute the tag cannot do without is missing.
    pub fn require(&self, name: &str, faults: &mut Faults) {
        if !self.has(name) {
            faults.line(self.line, format!("{}: {name} is missing", self.tag));
        }
    }

    /// A number, read by `parse` from an unquoted value.
    pub fn number<T>(
        &self,
        name: &str,
        what: &str,
        parse: impl FnOnce(&str) -> Option<T>,
        faults: &mut Faults,
    ) -> Option<T> {
        let value = self.get(name, Form::Plain, faults)?;
        let parsed = parse(value);
        if parsed.is_none() {
            faults.line(self.line, format!("{}: {name} `{value}` is not {what}", self.tag));
        }
        parsed
    }
}

/// One `NAME=value` and what follows its comma.
fn next_attribute(text: &str) -> Result<(Attribute, &str), String> {
    let (name, rest) = text.split_once('=').ok_or_else(|| format!("`{}` has no `=`", brief(text)))?;
    let named =
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-');
    if !named {
        return Err(format!("`{}` is not an attribute name", brief(name)));
    }
    let (value, quoted, rest) = match rest.strip_prefix('"') {
        Some(rest) => {
            let (value, rest) = rest.split_once('"').ok_or_else(|| format!("the quote of {name} is open"))?;
            (value, true, rest)
        }
        None => {
            let end = rest.find(',').unwrap_or(rest.len());
            (&rest[..end], false, &rest[end..])
        }
    };
    let rest = match rest.strip_prefix(',') {
        Some("") => return Err("the list ends in a comma".to_owned()),
        Some(rest) => rest,
        None if rest.is_empty() => rest,
        None => return Err(format!("no comma after the value of {name}")),
    };
    if !quoted && (value.is_empty() || value.contains([' ', '\t', '"'])) {
        return Err(format!("`{}` is not a value of {name}", brief(value)));
    }
    Ok((Attribute { name: name.to_owned(), value: value.to_owned(), quoted }, rest))
}

/// Enough of a text for a message.
fn brief(text: &str) -> &str {
    let end = text.char_indices().nth(40).map_or(text.len(), |(at, _)| at);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Attributes, Faults) {
        let mut faults = Faults::default();
        let attributes = Attributes::read("EXT-X-TEST", 7, text, &Scope::default(), &mut faults);
        (attributes, faults)
    }

    #[test]
    fn values_come_quoted_and_plain() {
        let (list, mut faults) =
            read(r#"BANDWIDTH=128000,CODECS="avc1.64001F,mp4a.40.2",DEFAULT=YES,RATE=29.97"#);
        assert_eq!(list.integer("BANDWIDTH", &mut faults), Some(128_000));
        assert_eq!(list.quoted("CODECS", &mut faults).as_deref(), Some("avc1.64001F,mp4a.40.2"));
        assert!(list.yes("DEFAULT", &mut faults));
        assert_eq!(list.float("RATE", &mut faults), Some(29.97));
        assert_eq!(list.plain("NONE", &mut faults), None);
        assert!(faults.is_empty());
    }

    #[test]
    fn each_slip_is_a_fault_on_the_line() {
        let slips =
            ["A", "a=1", "A=1,", "A=\"x", "A=\"x\"B=1", "A=", "A=1 ,B=2", " A=1", "A=1,A=2", "=1", "A=x y"];
        for slip in slips {
            let (_, faults) = read(slip);
            assert!(faults.all().all(|fault| fault.at == crate::At::Line(7)), "{slip}");
            assert!(!faults.is_empty(), "{slip}");
        }
    }

    #[test]
    fn the_form_of_a_value_is_checked() {
        let (list, mut faults) = read("A=1,B=\"2\",C=MAYBE,D=x");
        list.quoted("A", &mut faults);
        list.integer("B", &mut faults);
        list.yes("C", &mut faults);
        list.integer("D", &mut faults);
        list.require("E", &mut faults);
        let said: Vec<String> = faults.all().map(|fault| fault.message).collect();
        assert_eq!(said.len(), 5, "{said:?}");
    }
}
