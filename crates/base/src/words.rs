//! Enums that are stored and shown by name, and those that several domains share.

/// Declares an enum whose variants are stored and shown by name:
/// `text_enum! { /// Doc. Name { /// Doc. Variant = "name", } }`. Reading another text fails with the list of names.
#[macro_export]
macro_rules! text_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// The name stored and shown.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($text => Ok(Self::$variant),)*
                    _ => Err(format!("{text:?} is none of {}", [$($text),*].join(", "))),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }
    };
}

text_enum! {
    /// Who may watch something.
    #[derive(Default)]
    Visibility {
        /// Everybody; it may be listed to anybody.
        Public = "public",
        /// Everybody who has the address, which cannot be guessed.
        #[default]
        Unlisted = "unlisted",
        /// Its tenant, and who has a playback token.
        Private = "private",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_names_read_back() {
        for visibility in [Visibility::Public, Visibility::Unlisted, Visibility::Private] {
            assert_eq!(visibility.as_str().parse::<Visibility>(), Ok(visibility));
        }
        assert!("secret".parse::<Visibility>().expect_err("unknown").contains("public, unlisted, private"));
    }
}
