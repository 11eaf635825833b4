//! What follows from the list of platforms.

/// Declares the platforms: the variant, the name that configuration and deliveries have for it, and the module with its
/// `config::Config` and its `api::Client`.
macro_rules! platforms {
    ($($(#[$meta:meta])* $variant:ident = $name:literal in $module:ident,)+) => {
        /// Which platform an integration connects.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum PlatformName {
            $($(#[$meta])* #[serde(rename = $name)] $variant,)+
        }

        /// The platform's side of an integration.
        #[derive(Debug)]
        pub enum PlatformConfig {
            $($(#[$meta])* $variant($module::config::Config),)+
        }

        /// The platforms' APIs, for all integrations of a process.
        #[derive(Debug)]
        pub struct Platforms {
            $($module: $module::api::Client,)+
        }

        impl PlatformName {
            /// The name as configuration and deliveries write it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// The name as a field of a document.
            ///
            /// # Errors
            /// What is wrong, without the value.
            pub fn from_field(value: Value) -> Result<Self, String> {
                const NAMES: &[&str] = &[$($name),+];
                serde_json::from_value(value).map_err(|_| format!("must be `{}`", NAMES.join("`, `")))
            }

            /// Reads a webhook body of this platform that was accepted before.
            ///
            /// # Errors
            /// What is wrong with the body, and where.
            pub fn read(self, body: &[u8]) -> Result<Message, FieldError> {
                match self { $(Self::$variant => <$module::config::Config as Platform>::read(body),)+ }
            }

            /// What the platform is told where a messaging service says `status`; nothing, where it has no word for it.
            #[must_use]
            pub fn receipt_status(self, status: DeliveryStatus) -> Option<DeliveryStatus> {
                match self { $(Self::$variant => <$module::config::Config as Platform>::receipt_status(status),)+ }
            }

            /// Whether the platform can tell a customer's message that comes again.
            #[must_use]
            pub fn tells_repeats(self) -> bool {
                match self { $(Self::$variant => <$module::config::Config as Platform>::TELLS_REPEATS,)+ }
            }

            /// Whether the platform takes all files of this customer's message in one call.
            #[must_use]
            pub fn takes_several_files(self, message: &InboundMessage) -> bool {
                match self {
                    $(Self::$variant => <$module::config::Config as Platform>::takes_several_files(message),)+
                }
            }

            /// The sender routes that the platform has calls for.
            #[must_use]
            pub fn routes(self) -> &'static [Route] {
                match self { $(Self::$variant => <$module::config::Config as Platform>::ROUTES,)+ }
            }

            /// Whether the platform has a call for several receipts: [`Platforms::post_receipts`].
            #[must_use]
            pub fn batches_receipts(self) -> bool {
                match self { $(Self::$variant => <$module::config::Config as Platform>::BATCHES_RECEIPTS,)+ }
            }
        }

        impl PlatformConfig {
            /// Reads the fields of an integration's configuration that are the platform's own.
            pub fn read(platform: PlatformName, fields: &mut Fields<'_>) -> Option<Self> {
                match platform {
                    $(PlatformName::$variant => Platform::read_config(fields).map(Self::$variant),)+
                }
            }

            /// Which platform it is.
            #[must_use]
            pub fn name(&self) -> PlatformName {
                match self { $(Self::$variant(_) => PlatformName::$variant,)+ }
            }

            /// The integration's own address on the platform.
            #[must_use]
            pub fn address(&self) -> &str {
                match self { $(Self::$variant(config) => Platform::address(config),)+ }
            }

            /// Checks that the platform signed these very bytes, and with which secret.
            ///
            /// # Errors
            /// What is wrong with the signature.
            pub fn verify(&self, headers: &HeaderMap, body: &[u8]) -> Result<MatchedSecret, SignatureError> {
                match self { $(Self::$variant(config) => Platform::verify(config, headers, body),)+ }
            }

            /// The header that the platform would send with these bytes, for trying things out; none, where it signs with a
            /// key that nobody else has.
            #[must_use]
            pub fn sign(&self, body: &[u8]) -> Option<(HeaderName, String)> {
                match self { $(Self::$variant(config) => Platform::sign(config, body),)+ }
            }

            /// Reads a webhook body that came at `now`, and checks that it belongs to this integration.
            ///
            /// # Errors
            /// It cannot be read, or it belongs to another.
            pub fn accept(&self, body: &[u8], now: Timestamp) -> Result<Received, Rejection> {
                match self { $(Self::$variant(config) => Platform::accept(config, body, now),)+ }
            }
        }

        impl Platforms {
            /// Clients for all platforms.
            ///
            /// # Errors
            /// The TLS stack could not be set up.
            pub fn new() -> Result<Self, reqwest::Error> {
                Ok(Self { $($module: $module::api::Client::new()?,)+ })
            }

            /// Forgets an address: its user turned out not to be there.
            pub fn forget_user(&self, config: &PlatformConfig, email: &str) {
                match config { $(PlatformConfig::$variant(config) => self.$module.forget_user(config, email),)+ }
            }
        }

        calls! {
            [$($variant in $module),+]
            /// Tells the platform what became of a message. Telling it twice does no harm.
            post_receipt(receipt: &DeliveryReceipt) -> Result<(), ApiError>;
            /// Tells the platform what became of several messages, in one call. Telling it twice does no harm.
            post_receipts(receipts: &[&DeliveryReceipt]) -> Result<(), ApiError>;
            /// Posts a customer's message.
            post_inbound_message(message: &InboundMessage) -> Result<Posted, ApiError>;
            /// Posts a customer's choice.
            post_inbound_response(response: &InboundResponse) -> Result<Posted, ApiError>;
            /// Says that a customer is typing.
            post_inbound_typing(typing: &InboundTyping) -> Result<(), ApiError>;
            /// Sends a message that no agent writes. It is not repeated where the platform may have taken it.
            send_agentless(message: &AgentlessMessage) -> Result<SentMessage, ApiError>;
            /// Sends a card to a user's channel. It is not repeated where the platform may have taken it.
            send_card(channel: &str, message: &CardMessage) -> Result<SentMessage, ApiError>;
            /// Looks a user up by e-mail address, unless that was done a short while ago.
            find_user(email: &str) -> Result<UserLookup, ApiError>;
            /// Sends a message for an agent. It is not repeated where the platform may have taken it.
            send_agent_message(communication: &Communication, message: &AgentMessage<'_>) -> Result<SentMessage, ApiError>;
            /// Says that an agent is typing.
            post_agent_typing(communication: &Communication, duration: Option<Duration>) -> Result<(), ApiError>;
            /// Uploads a file, and returns its id once the platform has found it valid.
            upload_media(communication: &Communication, upload: &Upload) -> Result<String, UploadError>;
        }
    };
}

/// Hands each call to the platform that the integration is of: to the client's own method of that name, and where it has
/// none to the default of `PlatformApi`, which says that the platform has no such call.
macro_rules! calls {
    ($platforms:tt $($(#[$meta:meta])* $call:ident($($argument:ident: $type:ty),+) -> $result:ty;)+) => {
        impl Platforms {
            $(call! { $platforms $(#[$meta])* $call($($argument: $type),+) -> $result })+
        }
    };
}

macro_rules! call {
    (
        [$($variant:ident in $module:ident),+]
        $(#[$meta:meta])* $call:ident($($argument:ident: $type:ty),+) -> $result:ty
    ) => { call! { @ $(($variant $module))+ [$($meta),*] $call ($($argument: $type),+) ($($argument),+) $result } };
    (
        @ $(($variant:ident $module:ident))+ [$($meta:meta),*] $call:ident $parameters:tt $arguments:tt $result:ty
    ) => { call! { @@ [$($meta),*] $call $parameters $result { $(($variant $module $arguments))+ } } };
    (
        @@ [$($meta:meta),*] $call:ident ($($argument:ident: $type:ty),+) $result:ty
        { $(($variant:ident $module:ident ($($passed:ident),+)))+ }
    ) => {
        $(#[$meta])*
        ///
        /// It ends by `deadline`.
        ///
        /// # Errors
        /// The platform did not do it, may not have done it, or has no such call.
        pub async fn $call(
            &self,
            config: &PlatformConfig,
            $($argument: $type,)+
            deadline: Instant,
        ) -> $result {
            match config {
                $(PlatformConfig::$variant(config) => self.$module.$call(config, $($passed,)+ deadline).await,)+
            }
        }
    };
}
