//! `patchbay integration list`.

use super::document::Document;
use super::secret_store::{SecretState, SecretStore};
use crate::aws::integrations::ListedIntegration;
use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::output::{Output, sanitize, seconds};
use crate::ui::table::Column::{Optional, Required};
use crate::ui::table::table;
use jiff::Timestamp;
use serde::Serialize;
use shared::integration::Integration;
use shared::model::integration_name::IntegrationName;
use url::Url;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    name: String,
    state: State,
    faults: usize,
    platform: Option<String>,
    delivery_host: Option<String>,
    channel: Option<String>,
    callers: Vec<String>,
    changed: Option<Timestamp>,
    /// Why the secret cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreadable: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Usable,
    Faulty,
    Removed,
    /// The secret cannot be read now, or not by this user.
    Unknown,
}

pub(super) async fn run(stack: &Stack, output: Output) -> Result<(), CliError> {
    let secrets = SecretStore::open(stack).await?;
    let mut rows = Vec::new();
    for listed in secrets.list().await? {
        let found = match listed.deleted {
            Some(_) => Ok(SecretState::Deleted),
            None => secrets.find(&listed.name).await,
        };
        rows.extend(row(listed, found));
    }
    output.result(&rows, |rows| human(rows));
    Ok(())
}

/// `None` if it was deleted since it was listed.
fn row(listed: ListedIntegration, found: Result<SecretState, CliError>) -> Option<Row> {
    let ListedIntegration { name, changed, .. } = listed;
    let unknown = |state, faults| Row {
        name: name.clone(),
        state,
        faults,
        platform: None,
        delivery_host: None,
        channel: None,
        callers: Vec::new(),
        changed,
        unreadable: None,
    };
    match found {
        Err(failure) => Some(Row { unreadable: Some(failure.to_string()), ..unknown(State::Unknown, 0) }),
        Ok(SecretState::Absent) => None,
        Ok(SecretState::Deleted) => Some(unknown(State::Removed, 0)),
        Ok(SecretState::Unreadable) => Some(unknown(State::Faulty, 1)),
        Ok(SecretState::Stored(stored)) => {
            let faults = faults(&name, &stored.document);
            let state = if faults == 0 { State::Usable } else { State::Faulty };
            let text = |pointer| stored.document.text(pointer).map(str::to_owned);
            let delivery = text("/delivery/url").and_then(|url| Url::parse(&url).ok());
            let callers = stored.document.list("/callers").iter();
            Some(Row {
                platform: text("/platform"),
                delivery_host: delivery.and_then(|url| url.host_str().map(str::to_owned)),
                channel: text("/channel/kind"),
                callers: callers.filter_map(|caller| caller.get("name")?.as_str().map(str::to_owned)).collect(),
                changed: stored.changed.or(changed),
                ..unknown(state, faults)
            })
        }
    }
}

fn faults(name: &str, document: &Document) -> usize {
    match name.parse::<IntegrationName>() {
        Err(_) => 1,
        Ok(name) => Integration::parse(name, &document.to_text()).err().map_or(0, |faults| faults.len()),
    }
}

fn human(rows: &[Row]) -> String {
    if rows.is_empty() {
        return "There are no integrations. `patchbay integration add` connects one.".to_owned();
    }
    let or_none = |text: Option<&String>| text.cloned().unwrap_or_else(|| "-".to_owned());
    let state = |row: &Row| match row.state {
        State::Usable => String::new(),
        State::Faulty if row.faults == 1 => "1 fault".to_owned(),
        State::Faulty => format!("{} faults", row.faults),
        State::Removed => "removed".to_owned(),
        State::Unknown => "cannot be read".to_owned(),
    };
    let unreadable: Vec<_> = rows.iter().filter_map(|row| row.unreadable.as_deref().map(sanitize)).collect();
    let listed = table(
        [
            Required("name"),
            Required("state"),
            Optional("platform"),
            Optional("delivers to"),
            Optional("callers"),
            Optional("changed"),
        ],
        rows.iter().map(|row| {
            let changed = row.changed.map(seconds);
            let callers = (!row.callers.is_empty()).then(|| row.callers.join(", "));
            let (platform, destination) =
                (or_none(row.platform.as_ref()), or_none(row.delivery_host.as_ref().or(row.channel.as_ref())));
            [row.name.clone(), state(row), platform, destination, or_none(callers.as_ref()), or_none(changed.as_ref())]
        }),
    );
    match unreadable.is_empty() {
        true => listed,
        false => format!("{listed}\n\n{}", unreadable.join("\n")),
    }
}
