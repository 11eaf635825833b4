//! What holds for every platform, and what is special about two of them.

mod every_platform;
mod highlevel;
mod multicloud_cx;
