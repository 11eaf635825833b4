//! Where the servers of the tests listen: at addresses that nobody has had since the stack came up.
//!
//! The deployed functions outlive the tests, and remember what they have learned at an address: tokens, users,
//! connections. The kernel soon gives a free port to somebody else; a test that got one a second time would meet what the
//! functions remember of another test's platform.

use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use tokio::net::{TcpListener, TcpSocket};

/// The folder with a file for each port that has been given out, of all programs that use the stack.
const PORTS_FOLDER: &str = "PORTS_FOLDER";

/// A server's listener.
///
/// # Panics
/// If no port is free.
pub fn listen() -> TcpListener {
    Unlistened::bind().listen()
}

/// An address that is kept for a server which is down: whoever connects is refused.
pub struct Unlistened(TcpSocket);

impl Unlistened {
    /// Such an address.
    ///
    /// # Panics
    /// If no port is free.
    #[must_use]
    pub fn bind() -> Self {
        Self::bind_anew(std::env::var_os(PORTS_FOLDER).map(PathBuf::from).as_deref())
    }

    fn bind_anew(folder: Option<&Path>) -> Self {
        // What has been given out before is held, so that the kernel comes up with something else.
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

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.local_addr().expect("an address").port()
    }

    /// The server comes up.
    #[must_use]
    pub fn listen(self) -> TcpListener {
        self.0.listen(1_024).expect("nobody else listens there")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use uuid::Uuid;

    /// The kernel alone would give out some thirty of so many ports twice.
    const ADDRESSES: usize = 1_000;

    #[test]
    fn no_address_is_given_out_twice_while_the_stack_is_up() {
        let folder = std::env::temp_dir().join(format!("ports-{}", Uuid::new_v4()));
        std::fs::create_dir(&folder).unwrap();
        let ports: HashSet<_> = (0..ADDRESSES).map(|_| Unlistened::bind_anew(Some(&folder)).port()).collect();
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(ADDRESSES, ports.len());
    }

    #[tokio::test]
    async fn whoever_connects_to_a_server_that_is_down_is_refused_until_it_is_up() {
        let down = Unlistened::bind();
        let address = ("127.0.0.1", down.port());
        let refused = tokio::net::TcpStream::connect(address).await.unwrap_err();
        assert_eq!(ErrorKind::ConnectionRefused, refused.kind());
        let up = down.listen();
        let (connected, accepted) = tokio::join!(tokio::net::TcpStream::connect(address), up.accept());
        assert!(connected.is_ok() && accepted.is_ok());
    }
}
