//! Every platform in one place: what each can do, and which client makes a call.
//!
//! The matches are exhaustive. A new platform is a folder, a variant of
//! [`PlatformName`](crate::model::platform_name::PlatformName) and of [`PlatformConfig`], a field of [`Platforms`], and the
//! arms that the compiler then asks for. A call that a platform does not have is
//! [`ApiError::Unsupported`](super::ApiError::Unsupported) here, and its route is not in the platform's `ROUTES`.

mod calls;
mod config;
mod name;

pub use calls::Platforms;
pub use config::PlatformConfig;
