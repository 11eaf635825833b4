//! `patchbay integration add`.
//!
//! Nothing is written before everything is known to be good. Then the steps come in an order in which each one's
//! failure leaves nothing that the same command, given once more, does not mend: an open messaging integration that is
//! made is found again by its name, and one that is changed is changed after the secret is written that its webhooks
//! need.

mod callers;
mod check;
mod complete;
mod flags;
mod report;

use super::credentials;
use super::document::Document;
use super::genesys_cloud::{GenesysCloud, confirm};
use super::given::Given;
use super::secrets::{Found, Secrets, Stored, deleted, unreadable};
use super::steps::Steps;
use crate::ask::can_be_asked;
use crate::failure::Failure;
use crate::output::Output;
use crate::stack::Stack;
pub(crate) use flags::Add;
use report::Report;
use shared::integration::Secret;
use shared::platform::genesys_cloud::api::OpenIntegration;
use shared::platform::{PlatformConfig, PlatformName};
use url::Url;

/// Where the id stands of the platform's integration.
const INTEGRATION_ID: &str = "/integrationId";
/// What stands there while the document is checked, until there is an id.
const NO_ID_YET: &str = "not-made-yet";

pub(super) async fn run(add: Add, stack: &Stack, output: Output) -> Result<(), Failure> {
    let given = given(&add)?;
    let secrets = Secrets::of(stack).await?;
    let found = secrets.find(add.name.as_str()).await?;
    let webhook_url = stack.route(&format!("{}/webhook", add.name)).await?;
    let document = wanted(&add, &given, &found)?;
    let stored = if let Found::Stored(stored) = &found { Some(&stored.document) } else { None };
    let named: Vec<_> = given.list("/callers").iter().filter_map(|caller| caller.get("name")?.as_str()).collect();
    credentials::check(&secrets, &add.name, &document, stored, &named).await?;
    let id_is_given = given.get(INTEGRATION_ID).is_some();
    let steps = Steps::new(output);
    let mut work = Work { add: &add, stack, secrets, found, document, id_is_given, webhook_url, steps };
    match work.run().await {
        Ok(platform) => {
            let secret = work.secrets.id(add.name.as_str());
            let steps = work.steps.list().to_vec();
            let report = Report::new(&add, platform, work.webhook_url.clone(), secret, steps, &work.document);
            output.result(&report, report::human);
            Ok(())
        }
        Err(failure) => Err(work.steps.interrupted(failure)),
    }
}

/// What the command line says, with the file on it.
fn given(add: &Add) -> Result<Document, Failure> {
    let input = Given::default();
    let mut document = match &add.from {
        None => Document::new(),
        Some(file) => input.document(file)?,
    };
    add.fields.put_into(&mut document, &input)?;
    Ok(document)
}

/// What is to be stored, but for the platform's id of it.
fn wanted(add: &Add, given: &Document, found: &Found) -> Result<Document, Failure> {
    let stored = match found {
        Found::Stored(stored) => Some(&stored.document),
        Found::Absent => None,
        Found::Deleted => return Err(deleted(&add.name)),
        Found::Unreadable => return Err(unreadable(&add.name)),
    };
    let mut document = stored.cloned().unwrap_or_else(Document::new);
    document.merge(given);
    callers::add(&mut document, &add.callers)?;
    // Nobody is asked for what would be refused.
    let can_ask = can_be_asked() && (stored.is_none() || add.replace);
    complete::ask_platform(&mut document, &add.name, can_ask)?;
    add.fields.put_environment_into(&mut document)?;
    complete::fill(&mut document, &add.name, add.no_platform, can_ask)?;
    match stored.map(|stored| stored.differences(&document)) {
        Some(differences) if !differences.is_empty() && !add.replace => Err(Failure::Failed(format!(
            "the integration `{}` is there already, and differs in {}; --replace changes it",
            add.name,
            differences.join(", ")
        ))),
        _ => Ok(document),
    }
}

/// The work, and what is known by now.
struct Work<'a> {
    add: &'a Add,
    stack: &'a Stack,
    secrets: Secrets<'a>,
    found: Found,
    document: Document,
    /// Whether the platform's id of it was given, and is not the stored one.
    id_is_given: bool,
    webhook_url: Url,
    steps: Steps,
}

impl Work<'_> {
    async fn run(&mut self) -> Result<PlatformName, Failure> {
        let mut checked = self.document.clone();
        if checked.get(INTEGRATION_ID).is_none() && checked.text("/platform") == Some("genesys-cloud") {
            checked.set(INTEGRATION_ID, NO_ID_YET.into());
        }
        let integration = check::read(&checked, &self.add.name)?;
        let platform = integration.platform.name();
        match &integration.platform {
            PlatformConfig::GenesysCloud(config) if !self.add.no_platform => {
                let genesys_cloud = GenesysCloud::new(config)?;
                genesys_cloud.check_credentials().await?;
                self.steps.done("Genesys Cloud takes the OAuth client's credentials");
                let secret = config.webhook_secrets.first();
                let secret = secret.ok_or_else(|| Failure::Failed("there is no webhook secret".to_owned()))?;
                self.connect(&genesys_cloud, secret).await?;
            }
            _ => self.write().await?,
        }
        Ok(platform)
    }

    /// Connects the platform's integration, and writes the secret before any message can need it.
    async fn connect(&mut self, genesys_cloud: &GenesysCloud<'_>, secret: &Secret) -> Result<(), Failure> {
        let name = self.add.platform_name.as_deref().unwrap_or(self.add.name.as_str());
        match self.find(genesys_cloud, name).await? {
            Some(found) => {
                confirm(&found, self.stack, &self.add.name, self.add.yes).await?;
                genesys_cloud.made(found.clone()).await?;
                self.document.set(INTEGRATION_ID, found.id.clone().into());
                self.write().await?;
                genesys_cloud.update(&found, &self.webhook_url, secret).await?;
                self.steps.done(format!("Genesys Cloud's open messaging integration `{}` posts here", found.name));
            }
            None => {
                let id = genesys_cloud.create(name, &self.webhook_url, secret).await?;
                self.steps.done(format!("Genesys Cloud has the new open messaging integration `{name}`"));
                self.document.set(INTEGRATION_ID, id.into());
                self.write().await?;
            }
        }
        Ok(())
    }

    /// The platform's integration, if it has it: by its id, or else by its name. That there is none with the stored id
    /// any longer is no fault, or nothing would ever connect the integration again.
    async fn find(&mut self, genesys_cloud: &GenesysCloud<'_>, name: &str) -> Result<Option<OpenIntegration>, Failure> {
        if let Some(id) = self.document.text(INTEGRATION_ID) {
            match genesys_cloud.with_id(id).await? {
                None if self.id_is_given => {
                    let why = "Genesys Cloud has no open messaging integration with that id";
                    return Err(Failure::Failed(why.to_owned()));
                }
                None => self.steps.done("Genesys Cloud has no integration with the stored id any longer"),
                found => return Ok(found),
            }
        }
        genesys_cloud.named(name).await
    }

    async fn write(&mut self) -> Result<(), Failure> {
        let name = &self.add.name;
        self.document.read(name)?;
        let secret = self.secrets.id(name.as_str());
        match &self.found {
            Found::Stored(Stored { document, .. }) if *document == self.document => {
                self.steps.done(format!("the secret {secret} is as it was"));
            }
            Found::Stored(stored) => {
                self.secrets.replace(name, stored, &self.document).await?;
                self.steps.done(format!("the secret {secret} is changed"));
            }
            _ => {
                self.secrets.create(name, &self.document, self.add.kms_key_id.clone()).await?;
                self.steps.done(format!("the secret {secret} is written"));
            }
        }
        Ok(())
    }
}
