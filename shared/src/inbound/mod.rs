//! Posting what customers write, type and choose to the platform: while the caller waits, or later from the queue, also if
//! it arrived through a channel.

mod accept;
mod channel;
mod files;
mod poster;
mod request;

pub use accept::InboundAcceptor;
pub use channel::Arrival;
pub use files::FileUploader;
pub use poster::InboundPoster;
pub use request::InboundRequest;
