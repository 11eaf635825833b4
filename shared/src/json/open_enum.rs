//! Enums that a platform may extend: an unknown value is kept, not rejected.

/// Defines an enum of the words that a platform uses, with an `Other` variant that keeps any unknown word.
///
/// Known words are read case-insensitively and written as declared.
macro_rules! open_enum {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_meta])* #[doc = concat!("`", $word, "`")] $variant,)+
            Other(String),
        }

        impl $name {
            pub const WORDS: &'static [&'static str] = &[$($word),+];

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
        Word { Known = "Known", }
    }

    #[test]
    fn known_words_are_read_in_any_case_and_unknown_ones_are_kept_unchanged() {
        assert_eq!(Word::Known, Word::from("kNOWN".to_owned()));
        assert_eq!("Known", Word::from("known".to_owned()).as_str());
        assert_eq!(["Known"], Word::WORDS);
        assert_eq!("unheardOf", Word::from("unheardOf".to_owned()).as_str());
    }
}
