//! Public messages, such as a reply to a post.

use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fmt;

/// What a public message replies to. It is serialized with `public: true`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PublicPost {
    /// The post that it replies to.
    pub reply_to_id: Option<String>,
    /// The first post of the thread.
    pub root_id: Option<String>,
    pub url: Option<String>,
}

/// Hides the URL, which may contain the customer's name.
impl fmt::Debug for PublicPost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PublicPost").finish_non_exhaustive()
    }
}

impl Serialize for PublicPost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { reply_to_id, root_id, url } = self;
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("public", &true)?;
        for (name, value) in [("replyToId", reply_to_id), ("rootId", root_id), ("publicUrl", url)] {
            if let Some(value) = value {
                members.serialize_entry(name, value)?;
            }
        }
        members.end()
    }
}
