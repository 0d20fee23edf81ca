//! Variables and their substitution (RFC 8216bis sections 4.3 and 4.4.2.3).

use std::collections::BTreeMap;

use super::attributes::Attributes;
use crate::finding::Faults;

/// Longest text that substitution may produce, in bytes.
const EXPANDED_MAX: usize = 64 * 1024;

/// What a playlist is given from outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables {
    /// Variables of the multivariant playlist, for `IMPORT`.
    pub imported: BTreeMap<String, String>,
    /// Parameters of the playlist's own URI, for `QUERYPARAM`.
    pub query: BTreeMap<String, String>,
}

/// The variables defined so far in one playlist.
#[derive(Default)]
pub(crate) struct Scope {
    known: BTreeMap<String, String>,
}

impl Scope {
    /// Reads one EXT-X-DEFINE.
    pub fn define(&mut self, line: u32, value: &str, given: &Variables, faults: &mut Faults) {
        let tag = Attributes::read("EXT-X-DEFINE", line, value, self, faults);
        let defined = if let Some(name) = tag.quoted("NAME", faults) {
            tag.require("VALUE", faults);
            tag.quoted("VALUE", faults).map(|value| (name, value))
        } else if let Some(name) = tag.quoted("IMPORT", faults) {
            self.take(&given.imported, name, line, "IMPORT", faults)
        } else if let Some(name) = tag.quoted("QUERYPARAM", faults) {
            self.take(&given.query, name, line, "QUERYPARAM", faults)
        } else {
            faults.line(line, "EXT-X-DEFINE has neither NAME, IMPORT nor QUERYPARAM");
            None
        };
        let Some((name, value)) = defined else { return };
        if self.known.insert(name.clone(), value).is_some() {
            faults.line(line, format!("the variable {name} is defined twice"));
        }
    }

    fn take(
        &self,
        from: &BTreeMap<String, String>,
        name: String,
        line: u32,
        how: &str,
        faults: &mut Faults,
    ) -> Option<(String, String)> {
        if let Some(value) = from.get(&name) {
            return Some((name, value.clone()));
        }
        faults.line(line, format!("EXT-X-DEFINE: there is nothing named {name} for {how}"));
        None
    }

    /// Replaces every `{$name}`; an undefined name is a fault and stays as it is.
    pub fn expand(&self, text: &str, line: u32, faults: &mut Faults) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{$") {
            let Some((name, after)) = after.split_once('}') else { break };
            out.push_str(before);
            match self.known.get(name) {
                Some(value) => out.push_str(value),
                None => faults.line(line, format!("the variable {name} is not defined")),
            }
            if out.len() > EXPANDED_MAX {
                faults.line(line, format!("variables expand to more than {EXPANDED_MAX} bytes"));
                return out;
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }

    /// What a media playlist may import from this one.
    pub fn into_known(self) -> BTreeMap<String, String> {
        self.known
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_come_from_three_sides() {
        let given = Variables {
            imported: BTreeMap::from([("host".to_owned(), "https://cdn".to_owned())]),
            query: BTreeMap::from([("t".to_owned(), "42".to_owned())]),
        };
        let (mut scope, mut faults) = (Scope::default(), Faults::default());
        scope.define(2, r#"NAME="dir",VALUE="v1""#, &given, &mut faults);
        scope.define(3, r#"IMPORT="host""#, &given, &mut faults);
        scope.define(4, r#"QUERYPARAM="t""#, &given, &mut faults);
        assert_eq!(scope.expand("{$host}/{$dir}/x?t={$t}", 5, &mut faults), "https://cdn/v1/x?t=42");
        assert!(faults.is_empty());
        assert_eq!(scope.expand("{$none}/x{$", 6, &mut faults), "/x{$");
        scope.define(7, r#"NAME="dir",VALUE="v2""#, &given, &mut faults);
        scope.define(8, r#"IMPORT="nobody""#, &given, &mut faults);
        scope.define(9, "X=1", &given, &mut faults);
        let lines: Vec<_> = faults.all().map(|fault| fault.at).collect();
        assert_eq!(lines, [6, 7, 8, 9].map(crate::At::Line));
    }

    #[test]
    fn expansion_is_bounded() {
        let (mut scope, mut faults) = (Scope::default(), Faults::default());
        let define = format!(r#"NAME="a",VALUE="{}""#, "x".repeat(10_000));
        scope.define(1, &define, &Variables::default(), &mut faults);
        let text = scope.expand(&"{$a}".repeat(1000), 2, &mut faults);
        assert!(text.len() <= EXPANDED_MAX + 10_000);
        assert!(!faults.is_empty());
    }
}
