//! Enumerations that others may extend: a value we do not know is carried, not refused.

/// Defines an enumeration of the words that a platform uses, with an `Other` that keeps any further word.
///
/// Known words are read in any case and written as given here.
macro_rules! open_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_meta])* #[doc = concat!("`", $word, "`")] $variant,)+
            /// A word that was not known when this was written.
            Other(String),
        }

        impl $name {
            /// The words that are known.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word as the platform writes it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl From<String> for $name {
            fn from(word: String) -> Self {
                $(if word.eq_ignore_ascii_case($word) {
                    return Self::$variant;
                })+
                Self::Other(word)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

pub(crate) use open_enum;

#[cfg(test)]
#[allow(unreachable_pub)] // the macro makes public types
mod tests {
    open_enum! {
        /// Words for the test.
        Word { Known = "Known", }
    }

    #[test]
    fn known_words_are_read_in_any_case_and_unknown_ones_are_kept_as_they_came() {
        assert_eq!(Word::Known, Word::from("kNOWN".to_owned()));
        assert_eq!("Known", Word::from("known".to_owned()).as_str());
        assert_eq!(["Known"], Word::WORDS);
        assert_eq!("unheardOf", Word::from("unheardOf".to_owned()).as_str());
    }
}
