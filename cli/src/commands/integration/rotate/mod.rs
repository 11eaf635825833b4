//! `patchbay integration rotate`.
//!
//! Where both sides can know two secrets for a while, the new one is added first. Only when every function uses it, which
//! is waited for and tried, the other side is to have it; and `--finish` drops the old one once that is used no longer.
//! Every step may be done again: a rotation that is under way is continued.

mod target;
mod usage;
mod verify;
mod wait;

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
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use shared::integration::Integration;
use shared::model::integration_name::IntegrationName;
use shared::platform::PlatformConfig;
use shared::platform::genesys_cloud::config::Config;
use std::path::PathBuf;
use std::time::Duration;
use target::{Target, Way};

/// Change one of its secrets, both being good for a while
///
/// Without --finish, the new secret becomes good besides the old one. The command waits until every function uses it,
/// tries that, and then says what to do. With --finish the old one is dropped, once it is no longer used. A secret of which
/// the other side has only one is replaced. The same command resumes a rotation that was interrupted.
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
    /// Do not wait until every function uses the new one: the same command without this does so later
    #[arg(long, conflicts_with = "finish")]
    no_wait: bool,
    /// Drop the old one though it may be in use: what is signed with it is refused from then on
    #[arg(long, requires = "finish")]
    force: bool,
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
    /// Where it was not waited for: when every function will use the new configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    in_use_from: Option<Timestamp>,
    steps: Vec<String>,
    next: String,
}

/// What a command comes to.
struct Done {
    good: usize,
    in_use_from: Option<Timestamp>,
    next: String,
}

/// The work, and what is known by now.
struct Work<'a> {
    rotate: &'a Rotate,
    stack: &'a Stack,
    secrets: Secrets<'a>,
    stored: Stored,
    /// How long after it was written a configuration is in use everywhere.
    propagation: Duration,
    output: Output,
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
    let propagation = wait::propagation_time(stack).await?;
    let steps = Steps::new(output);
    let mut work = Work { rotate: &rotate, stack, secrets, stored, propagation, output, steps };
    let done = if rotate.finish { work.finish(&integration).await } else { work.begin(integration).await };
    match done {
        Ok(Done { good, in_use_from, next }) => {
            let steps = work.steps.list().to_vec();
            let rotated = Rotated { integration: rotate.name.clone(), good, in_use_from, steps, next };
            output.result(&rotated, |rotated| rotated.next.clone());
            Ok(())
        }
        Err(failure) => Err(work.steps.interrupted(failure)),
    }
}

impl Work<'_> {
    /// Makes a new secret good besides the old one, or in its place, and sees that every function uses it.
    async fn begin(&mut self, integration: Integration) -> Result<Done, Failure> {
        let integration = self.store_new(integration).await?;
        let target = &self.rotate.secret;
        let good = target.secrets(&self.stored.document).len();
        let left = self.propagation.saturating_sub(self.stored.age());
        if self.rotate.no_wait {
            let in_use_from = wait::after(left);
            return Ok(Done { good, in_use_from: Some(in_use_from), next: self.not_yet(in_use_from) });
        }
        wait::wait(left, self.output).await;
        self.steps.done("every function has had the time to read it");
        let seen = verify::new_secret(self.stack, target, &integration, &self.stored.version).await?;
        if let Some(seen) = seen {
            self.steps.done(seen);
        }
        if let (Target::Webhook, PlatformConfig::GenesysCloud(config)) = (target, &integration.platform)
            && !self.rotate.no_platform
        {
            self.tell(config).await?;
        }
        Ok(Done { good, in_use_from: None, next: self.next() })
    }

    /// Stores a new secret besides the old one, or in its place, unless that was done before. Returns what is configured
    /// now.
    async fn store_new(&mut self, integration: Integration) -> Result<Integration, Failure> {
        let target = &self.rotate.secret;
        if target.secrets(&self.stored.document).len() > 1 {
            self.check_given()?;
            self.check_ours(&integration).await?;
            self.steps.done("the new secret is stored besides the old one already");
            return Ok(integration);
        }
        let new = self.new_secret()?;
        let is_replaced = matches!(target.way(), Way::Replaced(_));
        if is_replaced && target.secrets(&self.stored.document) == [Value::from(new.as_str())] {
            self.steps.done("the new secret is stored already");
            return Ok(integration);
        }
        let document = target.with_new(&self.stored.document, new);
        let integration = document.read(&self.rotate.name)?;
        if let Target::Caller(caller) = target {
            let stored = Some(&self.stored.document);
            credentials::check(&self.secrets, &self.rotate.name, &document, stored, &[caller]).await?;
        }
        self.check(&integration).await?;
        self.check_ours(&integration).await?;
        self.stored = self.secrets.replace(&self.rotate.name, &self.stored, &document).await?;
        self.steps.done(match is_replaced {
            true => "the new secret is stored in the old one's place",
            false => "the new secret is stored besides the old one",
        });
        Ok(integration)
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

    /// Has Genesys Cloud sign with the new secret.
    async fn tell(&mut self, config: &Config) -> Result<(), Failure> {
        let genesys_cloud = GenesysCloud::new(config)?;
        let Some(secret) = config.webhook_secrets.first() else { return Ok(()) };
        let route = self.stack.route(&format!("{}/webhook", self.rotate.name)).await?;
        let found = genesys_cloud.own(&self.rotate.name).await?;
        confirm_ours(&found, self.stack, &self.rotate.name, "--no-platform leaves them alone").await?;
        let webhook_url = kept_url(&found, route);
        genesys_cloud.update(&found, &webhook_url, secret).await?;
        self.steps.done("Genesys Cloud signs with the new secret");
        Ok(())
    }

    /// Drops the old secret.
    async fn finish(&mut self, integration: &Integration) -> Result<Done, Failure> {
        let target = &self.rotate.secret;
        if let Way::Replaced(_) = target.way() {
            return Err(Failure::Usage("there is never an old one of this secret, so nothing is to finish".to_owned()));
        }
        if target.secrets(&self.stored.document).len() < 2 {
            return Err(Failure::Failed("there is nothing to finish: only one secret is good".to_owned()));
        }
        if !self.rotate.force {
            self.check_old_is_unused(integration).await.map_err(|failure| match failure {
                Failure::Failed(why) => Failure::Failed(format!(
                    "{why}\n--force drops the old secret all the same; what is then still signed with it is refused"
                )),
                other => other,
            })?;
        }
        let document = target.without_old(&self.stored.document);
        document.read(&self.rotate.name)?;
        self.stored = self.secrets.replace(&self.rotate.name, &self.stored, &document).await?;
        self.steps.done("the old secret is dropped");
        let seconds = self.propagation.as_secs();
        let next = format!("The old secret is dropped. Within {seconds} s no function takes or uses it any longer.");
        Ok(Done { good: 1, in_use_from: None, next })
    }

    /// Insists that the old secret is no longer used, by either side.
    async fn check_old_is_unused(&self, integration: &Integration) -> Result<(), Failure> {
        let left = self.propagation.saturating_sub(self.stored.age());
        if !left.is_zero() {
            return Err(Failure::Failed(format!(
                "functions may use the configuration without the new secret until {}: {} finishes no sooner",
                wait::after(left),
                self.command("--finish")
            )));
        }
        match (&self.rotate.secret, &integration.platform) {
            (Target::Signing, _) => {
                return verify::current_signing_secret(self.stack, integration, &self.stored.version).await;
            }
            (Target::Webhook, PlatformConfig::GenesysCloud(config)) if !self.rotate.no_platform => {
                self.check_signer(config).await?;
            }
            _ => {}
        }
        usage::check_unused(self.stack, &self.rotate.name, &self.rotate.secret, self.propagation).await
    }

    /// Insists that Genesys Cloud does not sign with the old secret any longer, as far as it tells.
    async fn check_signer(&self, config: &Config) -> Result<(), Failure> {
        let found = GenesysCloud::new(config)?.own(&self.rotate.name).await?;
        match config.webhook_secrets.first() {
            Some(secret) if signs_otherwise(&found, secret) => Err(Failure::Failed(format!(
                "Genesys Cloud does not sign with the new secret yet: {} has it do so",
                self.command("")
            ))),
            _ => Ok(()),
        }
    }

    /// This command for the same secret, with another option.
    fn command(&self, option: &str) -> String {
        let (name, secret) = (&self.rotate.name, &self.rotate.secret);
        let command = format!("patchbay integration rotate {name} --secret {secret} {option}");
        format!("`{}`", command.trim_end())
    }

    /// What to do where it was not waited for.
    fn not_yet(&self, in_use_from: Timestamp) -> String {
        let go_on = self.command("");
        match self.rotate.secret.way() {
            Way::Replaced(_) => format!(
                "Functions use the old secret until {in_use_from}: do not withdraw it yet. {go_on}, with the same new \
                 secret, waits for that."
            ),
            Way::Overlap(_) | Way::ListedTwice => format!(
                "Functions use the configuration without the new secret until {in_use_from}: change nothing on the other \
                 side yet. {go_on} continues."
            ),
        }
    }

    /// What to do now that every function uses the new secret.
    fn next(&self) -> String {
        let name = &self.rotate.name;
        let shown = format!("`patchbay integration show {name} --show-secrets` shows it");
        let finish = self.command("--finish");
        match &self.rotate.secret {
            Target::Webhook if self.rotate.no_platform => format!(
                "Webhooks are taken with either. Give Genesys Cloud's integration the new signature secret token ({shown}). \
                 Once no webhook is signed with the old one, drop it: {finish}"
            ),
            Target::Webhook => {
                format!("Webhooks are taken with either. Once none is signed with the old one, drop it: {finish}")
            }
            Target::App => format!(
                "Webhooks are taken with either. Calls are signed with the new one, and with the old one where the platform \
                 refuses that. Have the platform use the new one; once it no longer uses the old one, drop that: {finish}"
            ),
            Target::Signing => format!(
                "Deliveries have a signature by each of the two. Give the messaging service the new one ({shown}), then \
                 drop the old one: {finish}"
            ),
            Target::Caller(_) => format!(
                "The caller may use either. Give it the new one ({shown}). Once it no longer uses the old one, drop that: \
                 {finish}"
            ),
            Target::Client => {
                "Every function uses the new secret: the old one may be withdrawn on the platform.".to_owned()
            }
            Target::Token | Target::ApiKey => {
                "Every function uses the new secret: the old one may be withdrawn on the \
                platform. The new one was not tried: the platform has no call that would change nothing."
                    .to_owned()
            }
        }
    }
}
