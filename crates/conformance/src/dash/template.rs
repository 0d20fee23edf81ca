//! Template identifiers (ISO/IEC 23009-1 5.3.9.4.4).

use super::Representation;
use crate::place::REFERENCE_MAX;

/// Widest `%0<width>d` filled; wider is filled to this.
const WIDTH_MAX: usize = 20;

/// What identifiers stand for.
pub(super) struct Fill<'a> {
    pub representation: &'a Representation,
    pub number: Option<u64>,
    pub time: Option<u64>,
}

impl Fill<'_> {
    /// The template with its identifiers replaced; what is no known identifier stays as it is. It ends once it
    /// is longer than any reference that is followed.
    pub fn expand(&self, template: &str) -> String {
        let mut out = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('$') {
            if out.len() > REFERENCE_MAX {
                return out;
            }
            out.push_str(before);
            let Some((identifier, after)) = after.split_once('$') else {
                rest = after;
                out.push('$');
                continue;
            };
            match self.value(identifier) {
                Some(value) => out.push_str(&value),
                None => {
                    out.push('$');
                    out.push_str(identifier);
                    out.push('$');
                }
            }
            rest = after;
        }
        out.push_str(rest);
        out
    }

    fn value(&self, identifier: &str) -> Option<String> {
        let (name, format) = identifier.split_once('%').map_or((identifier, None), |(n, f)| (n, Some(f)));
        let width = match format {
            None => 1,
            Some(format) => format.strip_prefix('0')?.strip_suffix('d')?.parse::<usize>().ok()?,
        };
        let padded = |value: u64| format!("{value:0width$}", width = width.min(WIDTH_MAX));
        match name {
            "" if format.is_none() => Some("$".to_owned()),
            "RepresentationID" if format.is_none() => self.representation.id.clone(),
            "Bandwidth" => self.representation.bandwidth.map(padded),
            "Number" => self.number.map(padded),
            "Time" => self.time.map(padded),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_filled() {
        let representation =
            Representation { id: Some("v1".to_owned()), bandwidth: Some(9), ..Representation::default() };
        let fill = Fill { representation: &representation, number: Some(7), time: Some(3000) };
        let cases = [
            ("$RepresentationID$/$Number%05d$.m4s", "v1/00007.m4s"),
            ("$Time$-$Bandwidth%03d$-$$.m4s", "3000-009-$.m4s"),
            ("$Nobody$/$Number%5x$/$", "$Nobody$/$Number%5x$/$"),
            ("$Number%099999999999d$", "00000000000000000007"),
        ];
        for (template, wanted) in cases {
            assert_eq!(fill.expand(template), wanted);
        }
    }
}
