//! A small HTTP/1.1 server: one thread for each connection, keep-alive, bodies of a known length.
//!
//! It is small so that the measurements show the function and not the server.

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// Up to this size a body is written together with its head, so that the client wakes up once.
const ONE_WRITE_BYTES: usize = 64 * 1024;
#[derive(Debug)]
pub struct Request {
    /// The number of its connection to this server, from 0.
    pub connection: usize,
    pub method: String,
    pub path: String,
    /// With names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// A response without further headers.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

/// A server's certificate and key.
pub type Tls = Arc<ServerConfig>;

/// A server on loopback. Dropping it stops it from accepting connections; open ones end with their client.
pub struct Server {
    scheme: &'static str,
    address: SocketAddr,
    closing: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server on a free port.
    ///
    /// # Panics
    /// If there is none.
    pub fn start(tls: Option<Tls>, answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let scheme = if tls.is_some() { "https" } else { "http" };
        let closing = Arc::new(AtomicBool::new(false));
        let (closed, answer) = (Arc::clone(&closing), Arc::new(answer));
        let accepting = std::thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                if closed.load(Ordering::Acquire) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let (tls, answer) = (tls.clone(), Arc::clone(&answer));
                std::thread::spawn(move || {
                    let _ = stream.set_nodelay(true);
                    match tls.map(ServerConnection::new) {
                        None => serve(stream, connection, &*answer),
                        Some(Ok(tls)) => serve(StreamOwned::new(tls, stream), connection, &*answer),
                        Some(Err(error)) => eprintln!("{error}"),
                    }
                });
            }
        });
        Self { scheme, address, closing, accepting: Some(accepting) }
    }

    /// Its address and port.
    #[must_use]
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Its URL, without a path.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Release);
        // Wakes the accepting thread.
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

/// Answers the requests of one connection until it is closed.
fn serve(stream: impl Read + Write, connection: usize, answer: &dyn Fn(&Request) -> Response) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader, connection) {
        let Response { status, headers, body } = answer(&request);
        let mut head = format!("HTTP/1.1 {status} Answer\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        let mut message = head.into_bytes();
        let rest = if body.len() <= ONE_WRITE_BYTES {
            message.extend_from_slice(&body);
            &[]
        } else {
            body.as_slice()
        };
        let stream = reader.get_mut();
        if stream.write_all(&message).and_then(|()| stream.write_all(rest)).and_then(|()| stream.flush()).is_err() {
            return;
        }
    }
}

/// The next request, or none if the connection was closed.
fn read(reader: &mut impl BufRead, connection: usize) -> Option<Request> {
    let mut line = String::new();
    let mut next_line = |reader: &mut _| {
        line.clear();
        let read = BufRead::read_line(reader, &mut line).unwrap_or(0);
        (read > 0).then(|| line.trim_end().to_owned())
    };
    let start = next_line(reader)?;
    let mut words = start.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut headers = Vec::new();
    loop {
        let line = next_line(reader)?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request { connection, method, path, headers, body: Vec::new() };
    assert!(request.header("transfer-encoding").is_none(), "{}: a body of unknown length", request.path);
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    request.body.resize(length, 0);
    reader.read_exact(&mut request.body).ok()?;
    Some(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_of_one_connection_are_answered_in_order_and_connections_are_numbered() {
        let server = Server::start(None, |request| {
            Response::new(200, request.body.clone()).header("x-path", format!("{}{}", request.connection, request.path))
        });
        for connection in 0..2 {
            let mut stream = TcpStream::connect(server.address()).unwrap();
            stream.write_all(b"POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhiGET /b HTTP/1.1\r\n\r\n").unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut answers = String::new();
            stream.read_to_string(&mut answers).unwrap();
            let expected = format!(
                "HTTP/1.1 200 Answer\r\ncontent-length: 2\r\nx-path: {connection}/a\r\n\r\nhi\
                 HTTP/1.1 200 Answer\r\ncontent-length: 0\r\nx-path: {connection}/b\r\n\r\n"
            );
            assert_eq!(expected, answers);
        }
    }
}
