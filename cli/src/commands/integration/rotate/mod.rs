//! `patchbay integration rotate`.
//!
//! Where both sides can know two secrets for a while, the new one is added first and told to the other side, and
//! `--finish` drops the old one. Every step may be done again: a rotation that is under way is gone on with.

mod target;

use super::credentials;
use super::generate;
use super::genesys_cloud::{GenesysCloud, confirm_ours, kept_url, signs_otherwise};
use super::given::{self, Given};
use super::secrets::{Secrets, Stored};
use super::steps::Steps;
use crate::ask;
use crate::failure::Failure;
use crate::output::Output;
use crate::stack::Stack;
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;
use shared::integration::{Integration, IntegrationName};
use shared::platform::PlatformConfig;
use shared::platform::genesys_cloud::config::Config;
use std::path::PathBuf;
use target::{Target, Way};

/// A function that has just read a configuration anew does not do so again for ten seconds, whatever is signed with.
const UNTIL_KNOWN: SignedDuration = SignedDuration::from_secs(11);

/// Change one of its secrets, both being good for a while
///
/// Without --finish, the new secret becomes good besides the old one; with it, the old one is dropped. A secret of which
/// the other side has only one is replaced.
#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// The integration
    name: IntegrationName,
    /// Which: webhook, signing, caller:NAME, client, app, api-key or token
    #[arg(long, value_name = "SECRET")]
    secret: Target,
    /// Drop the old one
    #[arg(long)]
    finish: bool,
    /// The new one, in a file or - for standard input; or in PATCHBAY_WEBHOOK_SECRET, …_SIGNING_SECRET,
    /// …_CALLER_SECRET, …_CLIENT_SECRET, …_APP_SECRET, …_API_KEY, …_TOKEN; what is not made by the other side is
    /// generated unless given
    #[arg(long, value_name = "FILE", conflicts_with = "finish")]
    secret_file: Option<PathBuf>,
    /// Do not call the platform
    #[arg(long)]
    no_platform: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rotated {
    integration: IntegrationName,
    /// How many secrets are good now.
    good: usize,
    steps: Vec<String>,
    next: String,
}

/// The work, and what is known by now.
struct Work<'a> {
    rotate: &'a Rotate,
    stack: &'a Stack,
    secrets: Secrets<'a>,
    stored: Stored,
    steps: Steps,
}

pub(super) async fn run(rotate: Rotate, stack: &Stack, output: Output) -> Result<(), Failure> {
    let secrets = Secrets::of(stack).await?;
    let stored = secrets.stored(&rotate.name).await?;
    let integration = stored.document.read(&rotate.name)?;
    rotate.secret.check(integration.platform.name())?;
    if rotate.secret.secrets(&stored.document).is_empty() && rotate.secret != Target::ApiKey {
        return Err(Failure::Failed(format!("the integration `{}` has no such secret", rotate.name)));
    }
    let mut work = Work { rotate: &rotate, stack, secrets, stored, steps: Steps::new(output) };
    let done = if rotate.finish { work.finish(&integration).await } else { work.begin(integration).await };
    match done {
        Ok((good, next)) => {
            let steps = work.steps.list().to_vec();
            let rotated = Rotated { integration: rotate.name.clone(), good, steps, next };
            output.result(&rotated, |rotated| rotated.next.clone());
            Ok(())
        }
        Err(failure) => Err(work.steps.interrupted(failure)),
    }
}

impl Work<'_> {
    /// Makes a new secret good besides the old one, or in its place.
    async fn begin(&mut self, integration: Integration) -> Result<(usize, String), Failure> {
        let target = &self.rotate.secret;
        let under_way = target.secrets(&self.stored.document).len() > 1;
        let (mut integration, mut written_at) = (integration, self.stored.changed);
        if under_way {
            self.check_given()?;
            self.check_ours(&integration).await?;
            self.steps.done("the new secret is good besides the old one already");
        } else {
            let document = target.with_new(&self.stored.document, self.new_secret()?);
            integration = document.read(&self.rotate.name)?;
            if let Target::Caller(caller) = target {
                let stored = Some(&self.stored.document);
                credentials::check(&self.secrets, &self.rotate.name, &document, stored, &[caller]).await?;
            }
            self.check(&integration).await?;
            self.check_ours(&integration).await?;
            self.secrets.replace(&self.rotate.name, &self.stored, &document).await?;
            written_at = Some(Timestamp::now());
            self.stored.document = document;
            self.steps.done(match target.way() {
                Way::Replaced(_) => "the new secret is in the old one's place",
                Way::Overlap(_) | Way::ListedTwice => "the new secret is good besides the old one",
            });
        }
        if let (Target::Webhook, PlatformConfig::GenesysCloud(config)) = (target, &integration.platform)
            && !self.rotate.no_platform
        {
            self.tell(config, written_at).await?;
        }
        Ok((target.secrets(&self.stored.document).len(), self.next()))
    }

    /// The new secret, if it is given.
    fn given(&self) -> Result<Option<String>, Failure> {
        Given::default().secret(self.rotate.secret_file.as_deref(), self.rotate.secret.variable())
    }

    /// Insists that no third secret is given while two are good: it would be dropped in silence.
    fn check_given(&self) -> Result<(), Failure> {
        let secrets = self.rotate.secret.secrets(&self.stored.document);
        let current = secrets.first().and_then(Value::as_str);
        match self.given()? {
            Some(given) if Some(given.as_str()) != current => Err(Failure::Failed(
                "a rotation is under way, to another secret than the one that is given: --finish it first".to_owned(),
            )),
            _ => Ok(()),
        }
    }

    /// The new secret: given, asked for, or generated.
    fn new_secret(&self) -> Result<String, Failure> {
        let target = &self.rotate.secret;
        if let Some(given) = self.given()? {
            return Ok(given);
        }
        match target {
            _ if target.is_given() && ask::can_be_asked() => given::asked("The new secret", |new| {
                let faults = target.with_new(&self.stored.document, new.to_owned()).faults(&self.rotate.name);
                faults.into_iter().next().map_or(Ok(()), |fault| Err(fault.to_string()))
            }),
            _ if target.is_given() => {
                Err(Failure::Usage(format!("--secret-file is missing, or the variable {}", target.variable())))
            }
            Target::Webhook => generate::token(),
            Target::Caller(_) if target.bears_token(&self.stored.document) => generate::token(),
            _ => generate::signing_secret(),
        }
    }

    /// Checks what can be checked before anything is written.
    async fn check(&mut self, integration: &Integration) -> Result<(), Failure> {
        if let (Target::Client, PlatformConfig::GenesysCloud(config), false) =
            (&self.rotate.secret, &integration.platform, self.rotate.no_platform)
        {
            GenesysCloud::new(config)?.check_credentials().await?;
            self.steps.done("Genesys Cloud takes the new secret");
        }
        Ok(())
    }

    /// Insists that it is our webhooks that will be signed with a new secret.
    async fn check_ours(&self, integration: &Integration) -> Result<(), Failure> {
        if let (Target::Webhook, PlatformConfig::GenesysCloud(config), false) =
            (&self.rotate.secret, &integration.platform, self.rotate.no_platform)
        {
            let genesys_cloud = GenesysCloud::new(config)?;
            let found = genesys_cloud.own(&self.rotate.name).await?;
            confirm_ours(&found, self.stack, &self.rotate.name, "--no-platform leaves them alone").await?;
            genesys_cloud.made(found).await?;
        }
        Ok(())
    }

    /// Has Genesys Cloud sign with the new secret, once every function takes it.
    async fn tell(&mut self, config: &Config, written_at: Option<Timestamp>) -> Result<(), Failure> {
        let genesys_cloud = GenesysCloud::new(config)?;
        let Some(secret) = config.webhook_secrets.first() else { return Ok(()) };
        let known_at = written_at.unwrap_or(Timestamp::UNIX_EPOCH) + UNTIL_KNOWN;
        let wait = Timestamp::now().duration_until(known_at);
        tokio::time::sleep(wait.try_into().unwrap_or_default()).await;
        let route = self.stack.route(&format!("{}/webhook", self.rotate.name)).await?;
        let found = genesys_cloud.own(&self.rotate.name).await?;
        confirm_ours(&found, self.stack, &self.rotate.name, "--no-platform leaves them alone").await?;
        let webhook_url = kept_url(&found, route);
        genesys_cloud.update(&found, &webhook_url, secret).await?;
        self.steps.done("Genesys Cloud signs with the new secret");
        Ok(())
    }

    /// Drops the old secret.
    async fn finish(&mut self, integration: &Integration) -> Result<(usize, String), Failure> {
        let target = &self.rotate.secret;
        if let Way::Replaced(_) = target.way() {
            return Err(Failure::Usage("there is never an old one of this secret, so nothing is to finish".to_owned()));
        }
        if target.secrets(&self.stored.document).len() < 2 {
            return Err(Failure::Failed("there is nothing to finish: only one secret is good".to_owned()));
        }
        if let (Target::Webhook, PlatformConfig::GenesysCloud(config), false) =
            (target, &integration.platform, self.rotate.no_platform)
        {
            self.check_signer(config).await?;
        }
        let document = target.without_old(&self.stored.document);
        document.read(&self.rotate.name)?;
        self.secrets.replace(&self.rotate.name, &self.stored, &document).await?;
        self.steps.done("the old secret is dropped");
        Ok((1, "The old secret is dropped. Within five minutes no function takes or uses it any longer.".to_owned()))
    }

    /// Insists that Genesys Cloud does not sign with the old secret any longer, as far as it tells.
    async fn check_signer(&mut self, config: &Config) -> Result<(), Failure> {
        let found = GenesysCloud::new(config)?.own(&self.rotate.name).await?;
        match config.webhook_secrets.first() {
            Some(secret) if signs_otherwise(&found, secret) => Err(Failure::Failed(format!(
                "Genesys Cloud does not sign with the new secret yet: `patchbay integration rotate {} --secret webhook` \
                 has it do so",
                self.rotate.name
            ))),
            _ => Ok(()),
        }
    }

    fn next(&self) -> String {
        let name = &self.rotate.name;
        let shown = format!("`patchbay integration show {name} --show-secrets` shows it");
        let finish = |secret: &str| format!("`patchbay integration rotate {name} --secret {secret} --finish`");
        match &self.rotate.secret {
            Target::Webhook if self.rotate.no_platform => format!(
                "Give Genesys Cloud's integration the new signature secret token ({shown}); wait a minute, until no \
                 message comes that is signed with the old one; then drop it: {}",
                finish("webhook")
            ),
            Target::Webhook => format!(
                "Wait a minute, until no message comes that is signed with the old secret; then drop it: {}",
                finish("webhook")
            ),
            Target::App => format!(
                "Calls are signed with the new secret, and webhooks with either are taken. Once none comes that is \
                 signed with the old one, drop it: {}",
                finish("app")
            ),
            Target::Signing => format!(
                "Deliveries have a signature by each of the two. Give the messaging service the new one ({shown}), then \
                 drop the old one: {}",
                finish("signing")
            ),
            Target::Caller(caller) => format!(
                "The caller may use either. Give it the new one ({shown}), then drop the old one: {}",
                finish(&format!("caller:{caller}"))
            ),
            Target::Client => "Within five minutes every function uses the new secret.".to_owned(),
            Target::Token | Target::ApiKey => {
                "Within five minutes every function uses the new secret. It was not checked: the platform has no call \
                 that would change nothing."
                    .to_owned()
            }
        }
    }
}
