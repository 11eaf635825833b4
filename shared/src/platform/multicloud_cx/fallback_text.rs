//! A message of Multicloud CX as plain text.

use super::wire::Webhook;
use crate::message::Kind;
use crate::message::fallback_text::{FallbackText, Section, Writer};
use serde_json::Value;

impl Webhook {
    /// What a channel without buttons can send; none where there is nothing to say.
    pub(super) fn fallback_text(&self, kind: &Kind) -> Option<FallbackText> {
        let mut written = match kind {
            Kind::Receipt(_) | Kind::Typing(_) => return None,
            Kind::Email(email) => {
                let mut written = Writer::new(self.subject.as_deref());
                written.email(email);
                written
            }
            _ => Writer::new(self.text.as_deref()),
        };
        // An e-mail's text and HTML are written; of any other message HTML counts where there is no text.
        let is_email = matches!(kind, Kind::Email(_));
        let has_text = self.text.is_some() || self.content.iter().any(|part| is_of_type(part, "text"));
        for part in self.content.iter() {
            let (is_text, is_html) = (is_of_type(part, "text"), is_of_type(part, "html"));
            match member(part, "url") {
                _ if is_email && (is_text || is_html) => {}
                _ if is_html && has_text => {}
                "" => {
                    written.section(Section::Block);
                    if is_html { written.html(member(part, "text")) } else { written.value(part) }
                }
                url => {
                    written.section(Section::Files);
                    written.text(member(part, "text"));
                    written.link(member(part, "filename"), url);
                }
            }
        }
        written.finish()
    }
}

fn is_of_type(part: &Value, part_type: &str) -> bool {
    member(part, "type").eq_ignore_ascii_case(part_type)
}

fn member<'p>(part: &'p Value, name: &str) -> &'p str {
    part.get(name).and_then(Value::as_str).unwrap_or_default()
}
