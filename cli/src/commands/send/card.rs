use super::body::object;
use crate::api::client::CallerArgs;
use crate::error::CliError;
use crate::ui::help::examples;
use crate::ui::input;
use clap::{ArgGroup, Args};
use serde_json::{Value, json};
use std::path::PathBuf;

/// At least one is required.
const SHOWN: [&str; 4] = ["title", "card_file", "quick_reply", "body"];

#[derive(Debug, Args)]
#[command(override_usage = "patchbay send card <INTEGRATION> --to <ADDRESS> --title <TITLE> [OPTIONS]")]
#[command(after_help = examples(&[
    "patchbay send card acme --to customer-17 --title 'Your parcel' \\\n    --action 'postBack:Tomorrow=tomorrow'",
    "patchbay send card acme --email ada@example.com --title 'Your parcel' \\\n    --action 'openUrl:Follow it=https://example.com/parcels/1'",
    "patchbay send card acme --to customer-17 --text 'Is that right?' \\\n    --quick-reply Yes --quick-reply No=no",
]))]
#[command(group = ArgGroup::new("recipient").args(["to", "user_id", "email", "body"]).required(true))]
#[command(group = ArgGroup::new("shown").args(SHOWN).required(true).multiple(true))]
pub(crate) struct Card {
    #[command(flatten)]
    pub(crate) caller_args: CallerArgs,
    /// Address of the customer
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,
    /// Instead of the customer: id of a user of the platform
    #[arg(long, value_name = "ID")]
    user_id: Option<String>,
    /// Instead of the customer: email address of a user of the platform
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// The card's title
    #[arg(long, conflicts_with_all = ["body", "card_file"])]
    title: Option<String>,
    /// The card's subtitle
    #[arg(long, requires = "title")]
    subtitle: Option<String>,
    /// URL of an image
    #[arg(long, value_name = "URL", requires = "title")]
    image: Option<String>,
    /// A button: postBack:TITLE=PAYLOAD, imBack:TITLE[=TEXT] or openUrl:TITLE=URL
    #[arg(long, value_name = "ACTION", requires = "title", value_parser = action)]
    action: Vec<Value>,
    /// JSON file with the card, instead of the options for its parts
    #[arg(long, value_name = "FILE", conflicts_with = "body")]
    card_file: Option<PathBuf>,
    /// A quick reply, with or without a card
    #[arg(long, value_name = "TITLE[=PAYLOAD]", conflicts_with = "body")]
    quick_reply: Vec<String>,
    /// A text above the card and the quick replies
    #[arg(long, conflicts_with = "body")]
    text: Option<String>,
}

impl Card {
    pub(crate) fn body(&self) -> Result<Value, CliError> {
        let card =
            match &self.card_file {
                Some(path) => Some(serde_json::from_slice(&input::read(path)?).map_err(|error| {
                    CliError::Usage(format!("{} is not JSON (line {})", path.display(), error.line()))
                })?),
                None => self.title.as_ref().map(|title| self.card(title)),
            };
        let quick_replies: Vec<_> = self.quick_reply.iter().map(|reply| quick_reply(reply)).collect();
        Ok(object([
            ("to", self.to.clone().map(Value::from)),
            ("userId", self.user_id.clone().map(Value::from)),
            ("email", self.email.clone().map(Value::from)),
            ("text", self.text.clone().map(Value::from)),
            ("card", card),
            ("quickReplies", (!quick_replies.is_empty()).then_some(quick_replies.into())),
        ]))
    }

    fn card(&self, title: &str) -> Value {
        object([
            ("title", Some(title.into())),
            ("subtitle", self.subtitle.clone().map(Value::from)),
            ("image", self.image.clone().map(|url| json!({ "url": url }))),
            ("actions", (!self.action.is_empty()).then_some(self.action.clone().into())),
        ])
    }
}

/// `TYPE:TITLE=VALUE`. An imBack without a text sends its title. A postBack sends its payload to a program, which would
/// depend on the wording of the title.
fn action(text: &str) -> Result<Value, &'static str> {
    const FORM: &str = "must begin with postBack:, imBack: or openUrl:, as in postBack:Tomorrow=tomorrow";
    let (kind, rest) = text.split_once(':').ok_or(FORM)?;
    let (title, value) = rest.split_once('=').map_or((rest, None), |(title, value)| (title, Some(value)));
    match (kind, value) {
        ("postBack", Some(payload)) => Ok(json!({"type": kind, "title": title, "payload": payload})),
        ("postBack", None) => Err("must have = and a payload after its title, as in postBack:Tomorrow=tomorrow"),
        ("imBack", text) => Ok(json!({"type": kind, "title": title, "payload": text.unwrap_or(title)})),
        ("openUrl", Some(url)) => Ok(json!({"type": kind, "title": title, "url": url})),
        ("openUrl", None) => Err("must have = and a URL after its title, as in openUrl:Follow it=https://example.com/"),
        _ => Err(FORM),
    }
}

fn quick_reply(text: &str) -> Value {
    match text.split_once('=') {
        Some((title, payload)) => json!({"title": title, "payload": payload}),
        None => json!({ "title": text }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_is_its_type_its_title_and_its_value() {
        assert_eq!(
            Ok(json!({"type": "postBack", "title": "Tomorrow", "payload": "day=1"})),
            action("postBack:Tomorrow=day=1")
        );
        assert_eq!(Ok(json!({"type": "imBack", "title": "Later", "payload": "Later"})), action("imBack:Later"));
        assert_eq!(
            Ok(json!({"type": "openUrl", "title": "Follow it", "url": "https://example.com/a?b=c"})),
            action("openUrl:Follow it=https://example.com/a?b=c")
        );
        for wrong in ["Tomorrow", "postBack:Tomorrow", "openUrl:Follow it", "call:Us=1"] {
            assert!(action(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_quick_reply_has_a_title_and_optionally_a_payload() {
        assert_eq!(json!({"title": "Yes"}), quick_reply("Yes"));
        assert_eq!(json!({"title": "Yes", "payload": "y"}), quick_reply("Yes=y"));
    }
}
