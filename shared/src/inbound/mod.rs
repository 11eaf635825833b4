//! Posting what customers write, type and choose to the platform: while the caller waits, or later from the queue.

mod accept;
mod files;
mod poster;
mod request;

pub use accept::InboundAcceptor;
pub use files::FileUploader;
pub use poster::InboundPoster;
pub use request::InboundRequest;
