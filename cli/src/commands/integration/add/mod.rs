//! `patchbay integration add`.
//!
//! Nothing is written before everything is validated. The order of the steps makes the command resumable: if one fails,
//! the same command completes the rest. A created open messaging integration is found again by its name, and an
//! existing one is changed after the secret that its webhooks need is written.

mod callers;
mod channel_flags;
mod check;
mod connect_channel;
mod destination;
mod field;
mod flags;
mod public_address;
mod report;
mod required_fields;
mod set_up;

use super::credential_reuse;
use super::document::Document;
use super::genesys_cloud::{CredentialsError, GenesysCloud, Profiles, confirm_takeover};
use super::progress::Progress;
use super::secret_input::SecretInput;
use super::secret_store::{SecretState, SecretStore, StoredDocument, deleted, unreadable};
use crate::aws::stack::Stack;
use crate::error::CliError;
use crate::ui::output::Output;
use crate::ui::prompt::is_interactive;
use destination::{CHANNEL_KIND, PUBLIC_URL};
pub(crate) use flags::Add;
use report::{Changes, Report};
use secrecy::SecretString;
use set_up::{Plan, SetUp};
use shared::integration::Integration;
use shared::platform::genesys_cloud::api::OpenIntegration;
use shared::platform::{PlatformConfig, PlatformName};
use url::Url;

const INTEGRATION_ID: &str = "/integrationId";
const CLIENT_SECRET: &str = "/clientSecret";
/// A placeholder while the document is validated before the platform has assigned an id.
const PENDING_ID: &str = "not-created-yet";

pub(super) async fn run(add: Add, stack: &Stack, output: Output) -> Result<(), CliError> {
    let given = given(&add)?;
    let secrets = SecretStore::open(stack).await?;
    let found = secrets.find(add.name.as_str()).await?;
    let webhook_url = stack.route_url(&format!("{}/webhook", add.name)).await?;
    let Target { document, is_guided, is_secret_typed, unused } = target(&add, &given, &found, stack).await?;
    let stored = if let SecretState::Stored(stored) = &found { Some(&stored.document) } else { None };
    let named: Vec<_> = given.list("/callers").iter().filter_map(|caller| caller.get("name")?.as_str()).collect();
    credential_reuse::check(&secrets, &add.name, &document, stored, &named).await?;
    let id_is_given = given.get(INTEGRATION_ID).is_some();
    let progress = Progress::new(output);
    unused.iter().for_each(|variable| progress.notice(variable));
    let advice = Vec::new();
    let mut run = AddRun {
        add: &add,
        stack,
        secrets,
        found,
        document,
        id_is_given,
        is_guided,
        is_secret_typed,
        webhook_url,
        progress,
        advice,
    };
    match run.run().await {
        Ok(platform) => {
            let secret = run.secrets.id(add.name.as_str());
            let steps = run.progress.completed().to_vec();
            let (webhook_url, advice) = (run.webhook_url.clone(), run.advice);
            let before = if let SecretState::Stored(stored) = &run.found { Some(&stored.document) } else { None };
            let changes = Changes::new(before.filter(|_| add.replace), &run.document);
            let mut report = Report::new(&add, platform, webhook_url, secret, steps, &changes, advice);
            report.complete_commands(output);
            output.result(&report, report::human);
            Ok(())
        }
        Err(failure) => Err(run.progress.interrupted(failure)),
    }
}

/// The fields given in a file and on the command line.
fn given(add: &Add) -> Result<Document, CliError> {
    let input = SecretInput::default();
    let mut document = match &add.from {
        None => Document::new(),
        Some(file) => input.document(file)?,
    };
    add.fields.apply(&mut document, &input)?;
    Ok(document)
}

/// What is to be stored.
struct Target {
    /// Still without the id that the platform assigns.
    document: Document,
    /// Whether something required was missing and asked for. Then what is optional is asked for, too.
    is_guided: bool,
    is_secret_typed: bool,
    /// About the secrets in the environment that are not used.
    unused: Vec<String>,
}

async fn target(add: &Add, given: &Document, found: &SecretState, stack: &Stack) -> Result<Target, CliError> {
    let stored = match found {
        SecretState::Stored(stored) => Some(&stored.document),
        SecretState::Absent => None,
        SecretState::Deleted => return Err(deleted(&add.name)),
        SecretState::Unreadable => return Err(unreadable(&add.name)),
    };
    let mut document = stored.cloned().unwrap_or_else(Document::new);
    destination::make_way(&mut document, given);
    document.merge(given);
    replace_credentials(&mut document, given);
    callers::add(&mut document, &add.callers)?;
    let interactive = prompts(add, found);
    let mut is_guided = false;
    if interactive {
        is_guided |= required_fields::prompt_platform(&mut document, &add.name)?;
        is_guided |= destination::prompt_kind(&mut document, &add.name)?;
    }
    add.fields.apply_give_up(&mut document);
    add.require_fitting_options(&document)?;
    if document.get(CHANNEL_KIND).is_some() && document.get(PUBLIC_URL).is_none() {
        document.set(PUBLIC_URL, stack.base_url().await?.into());
    }
    let unused = add.fields.apply_environment(&mut document)?;
    let is_secret_typed = interactive && document.get(CLIENT_SECRET).is_none();
    is_guided |= required_fields::fill(&mut document, &add.name, add.no_platform, interactive)?;
    match stored.map(|stored| stored.differences(&document)) {
        Some(differences) if !differences.is_empty() && !add.replace => Err(CliError::Failed(format!(
            "the integration `{}` already exists and differs in {}; --replace changes it",
            add.name,
            differences.join(", ")
        ))),
        _ => Ok(Target { document, is_guided, is_secret_typed, unused }),
    }
}

/// HighLevel has a token or an app's client: what is given replaces the other.
fn replace_credentials(document: &mut Document, given: &Document) {
    let client = ["clientId", "clientSecret"];
    if document.text("/platform") == Some(PlatformName::HighLevel.as_str()) {
        match (given.get("/token").is_some(), client.iter().any(|name| given.get(&format!("/{name}")).is_some())) {
            (true, false) => client.iter().for_each(|name| document.remove(&format!("/{name}"))),
            (false, true) => document.remove("/token"),
            _ => {}
        }
    }
}

/// Whether missing values are prompted for; not for what would be refused.
fn prompts(add: &Add, found: &SecretState) -> bool {
    is_interactive() && (add.replace || !matches!(found, SecretState::Stored(_)))
}

struct AddRun<'a> {
    add: &'a Add,
    stack: &'a Stack,
    secrets: SecretStore<'a>,
    found: SecretState,
    document: Document,
    /// Whether the platform's id was given, rather than stored.
    id_is_given: bool,
    /// See [`Target`].
    is_guided: bool,
    /// Whether the client secret was an answer to a question.
    is_secret_typed: bool,
    webhook_url: Url,
    progress: Progress,
    /// What does not work, and what to do about it.
    advice: Vec<String>,
}

impl AddRun<'_> {
    async fn run(&mut self) -> Result<PlatformName, CliError> {
        let integration = self.check_platform().await?;
        let channel = integration.destination.channel();
        if let Some(public_url) = self.document.text(PUBLIC_URL).filter(|_| channel.is_some()) {
            public_address::require_patchbay(public_url, self.stack, &mut self.progress).await?;
        }
        let plan = match channel.filter(|_| !self.add.no_platform) {
            Some(channel) => Some(connect_channel::prepare(channel, self.add.yes, &mut self.progress).await?),
            None => None,
        };
        match &integration.platform {
            PlatformConfig::GenesysCloud(config) if !self.add.no_platform => {
                let secret = config.webhook_secrets.first();
                let secret = secret.ok_or_else(|| CliError::Failed("there is no webhook secret".to_owned()))?;
                self.connect(&GenesysCloud::new(config)?, secret).await?;
            }
            _ => self.write().await?,
        }
        let left = match plan {
            Some(plan) => plan.connect(&mut self.progress).await?,
            None => channel.map(|channel| connect_channel::by_hand(channel, &self.add.name)).into_iter().collect(),
        };
        self.advice.extend(left);
        Ok(integration.platform.name())
    }

    /// Validates the configuration, and the credentials where the platform can test them.
    async fn check_platform(&mut self) -> Result<Integration, CliError> {
        loop {
            let mut checked = self.document.clone();
            if checked.get(INTEGRATION_ID).is_none() && checked.text("/platform") == Some("genesys-cloud") {
                checked.set(INTEGRATION_ID, PENDING_ID.into());
            }
            let integration = check::read(&checked, &self.add.name)?;
            let config = match &integration.platform {
                PlatformConfig::GenesysCloud(config) if !self.add.no_platform => config,
                _ => return Ok(integration),
            };
            match GenesysCloud::new(config)?.check_credentials().await {
                Err(CredentialsError::Refused(why)) if self.is_secret_typed => {
                    self.progress.notice(&why);
                    required_fields::prompt_client(&mut self.document, &self.add.name)?;
                    continue;
                }
                checked => checked?,
            }
            self.progress.done("Genesys Cloud accepts the OAuth client's credentials");
            return Ok(integration);
        }
    }

    /// Connects the platform's integration; the secret is written before a webhook can need it.
    async fn connect(&mut self, genesys_cloud: &GenesysCloud<'_>, secret: &SecretString) -> Result<(), CliError> {
        let name = self.add.platform_name.as_deref().unwrap_or(self.add.name.as_str());
        let found = self.find(genesys_cloud, name).await?;
        if let Some(found) = &found {
            genesys_cloud.require_readable_headers(found)?;
            confirm_takeover(found, self.stack, &self.add.name, self.add.yes).await?;
            genesys_cloud.wait_until_created(found.clone()).await?;
        }
        let Plan { profiles, resolve_identities, advice } = self.prepare(genesys_cloud, found.as_ref()).await?;
        self.advice.extend(advice);
        let id = match found {
            Some(found) => {
                self.send_new_header(genesys_cloud, &found).await?;
                self.document.set(INTEGRATION_ID, found.id.clone().into());
                self.write().await?;
                genesys_cloud.update(&found, &self.webhook_url, secret, &profiles).await?;
                self.progress.done(format!(
                    "Genesys Cloud's open messaging integration `{}` sends its webhooks to this stack",
                    found.name
                ));
                found.id
            }
            None => {
                let id = genesys_cloud.create(name, &self.webhook_url, secret, &profiles).await?;
                self.progress.done(format!("Genesys Cloud has the new open messaging integration `{name}`"));
                self.document.set(INTEGRATION_ID, id.clone().into());
                self.write().await?;
                id
            }
        };
        if let Some(resolve) = resolve_identities
            && genesys_cloud.resolve_identities(&id, resolve).await?
        {
            self.progress.done(match resolve {
                true => "Genesys Cloud matches customers with external contacts",
                false => "Genesys Cloud does not match customers with external contacts",
            });
        }
        Ok(())
    }

    async fn prepare(
        &mut self,
        genesys_cloud: &GenesysCloud<'_>,
        found: Option<&OpenIntegration>,
    ) -> Result<Plan, CliError> {
        let set_up = SetUp {
            integration: &self.add.name,
            flags: &self.add.set_up,
            is_new: !matches!(self.found, SecretState::Stored(_)),
            interactive: self.is_guided,
        };
        set_up.prepare(genesys_cloud, found, &mut self.progress).await
    }

    /// Functions require a header as soon as they read the new configuration: a platform that is connected sends it
    /// before that is written.
    async fn send_new_header(&self, genesys_cloud: &GenesysCloud<'_>, found: &OpenIntegration) -> Result<(), CliError> {
        let SecretState::Stored(StoredDocument { document: stored, .. }) = &self.found else { return Ok(()) };
        let name = "/webhookHeader/name";
        match stored.text("/webhookSecrets/0") {
            Some(secret) if self.document.get(name).is_some() && self.document.get(name) != stored.get(name) => {
                genesys_cloud.update(found, &self.webhook_url, &secret.into(), &Profiles::default()).await
            }
            _ => Ok(()),
        }
    }

    /// The platform's integration, by its id, by its webhook or else by its name. If the one with the stored id no longer
    /// exists, that is no error: otherwise the integration could never be connected again.
    async fn find(
        &mut self,
        genesys_cloud: &GenesysCloud<'_>,
        name: &str,
    ) -> Result<Option<OpenIntegration>, CliError> {
        if let Some(id) = self.document.text(INTEGRATION_ID) {
            match genesys_cloud.find_by_id(id).await? {
                None if self.id_is_given => {
                    let why = "Genesys Cloud has no open messaging integration with that id";
                    return Err(CliError::Failed(why.to_owned()));
                }
                None => self.progress.done("Genesys Cloud no longer has an integration with the stored id"),
                found => return Ok(found),
            }
        }
        genesys_cloud.find(name, &self.webhook_url).await
    }

    async fn write(&mut self) -> Result<(), CliError> {
        let name = &self.add.name;
        self.document.to_integration(name)?;
        let secret = self.secrets.id(name.as_str());
        match &self.found {
            SecretState::Stored(StoredDocument { document, .. }) if *document == self.document => {
                self.progress.done(format!("the secret {secret} is unchanged"));
            }
            SecretState::Stored(stored) => {
                self.secrets.replace(name, stored, &self.document).await?;
                let changed = stored.document.differences(&self.document).join(", ");
                self.progress.done(format!("the secret {secret} is updated: {changed}"));
                if let Ok(cache) = self.stack.configuration_cache().await {
                    self.advice.push(format!("Functions use the new configuration within {} s.", cache.as_secs()));
                }
            }
            _ => {
                self.secrets.create(name, &self.document, self.add.kms_key_id.clone()).await?;
                self.progress.done(format!("the secret {secret} is created"));
            }
        }
        Ok(())
    }
}
