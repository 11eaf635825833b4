//! Listens at addresses that are new since the stack was started.
//!
//! The deployed functions outlive the tests and cache by address: tokens, users, connections. The kernel soon reuses a
//! free port. A test with a reused port would meet the cached data of another test's platform.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use tokio::net::{TcpListener, TcpSocket};

/// The folder with a file for each port in use so far by any program of this stack.
const PORTS_FOLDER: &str = "PORTS_FOLDER";

/// A listener at a new address.
pub fn listen() -> TcpListener {
    ReservedPort::bind().listen()
}

/// An address of a server that is down: connections are refused until it listens.
pub struct ReservedPort(TcpSocket);

impl ReservedPort {
    /// Reserves a new address.
    #[must_use]
    pub fn bind() -> Self {
        Self::bind_unused(std::env::var_os(PORTS_FOLDER).map(PathBuf::from).as_deref())
    }

    fn bind_unused(folder: Option<&Path>) -> Self {
        // Used ports stay bound until the end, so that the kernel offers others.
        let mut held = Vec::new();
        loop {
            let socket = TcpSocket::new_v4().expect("a socket");
            socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
            let bound = Self(socket);
            if folder.is_none_or(|folder| bound.is_new_in(folder)) {
                return bound;
            }
            held.push(bound);
        }
    }

    fn is_new_in(&self, folder: &Path) -> bool {
        match File::create_new(folder.join(self.port().to_string())) {
            Ok(_) => true,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => false,
            Err(error) => panic!("{}: {error}", folder.display()),
        }
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.local_addr().expect("an address").port()
    }

    /// Starts to listen.
    #[must_use]
    pub fn listen(self) -> TcpListener {
        self.0.listen(1_024).expect("the reserved port is free")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use uuid::Uuid;

    /// The kernel alone would reuse about thirty of this many ports.
    const ADDRESSES: usize = 1_000;

    #[test]
    fn no_address_is_given_out_twice_while_the_stack_is_up() {
        let folder = std::env::temp_dir().join(format!("ports-{}", Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        let ports: HashSet<_> = (0..ADDRESSES).map(|_| ReservedPort::bind_unused(Some(&folder)).port()).collect();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(ADDRESSES, ports.len());
    }

    #[tokio::test]
    async fn connections_to_a_reserved_port_are_refused_until_it_listens() {
        let down = ReservedPort::bind();
        let address = ("127.0.0.1", down.port());
        let refused = tokio::net::TcpStream::connect(address).await.unwrap_err();
        assert_eq!(ErrorKind::ConnectionRefused, refused.kind());
        let up = down.listen();
        let (connected, accepted) = tokio::join!(tokio::net::TcpStream::connect(address), up.accept());
        assert!(connected.is_ok() && accepted.is_ok());
    }
}
