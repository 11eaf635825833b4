//! What makes a message public.

use serde::ser::{Serialize, SerializeMap, Serializer};
use std::fmt;

/// A message that all can see, such as an answer to a post. It is written as `public: true`, with what it answers beside it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct PublicPost {
    /// The post that it answers.
    pub reply_to_id: Option<String>,
    /// The first post of the thread.
    pub root_id: Option<String>,
    /// The address that the platform gives.
    pub url: Option<String>,
}

/// The addresses of posts name customers, and stay out of whatever prints this.
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
