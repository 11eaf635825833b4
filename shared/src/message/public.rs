//! What makes a message public.

use serde::ser::{Serialize, SerializeMap, Serializer};

/// A message that all can see, such as an answer to a post. It is written as `public: true`, with what it answers beside it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PublicPost {
    /// The post that it answers.
    pub reply_to_id: Option<String>,
    /// The first post of the thread.
    pub root_id: Option<String>,
    /// The address that the platform gives.
    pub url: Option<String>,
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
