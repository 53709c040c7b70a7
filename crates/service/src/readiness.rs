//! The question of a container's health check, asked by the service's own binary: its image has no shell and no other
//! client.

use std::{
    io::{self, BufRead, BufReader, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

/// An answer that takes longer is none. More than the 2 s that a dependency may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the service that listens there whether it is ready.
///
/// # Errors
/// It isn't, or gives no answer within 3 s.
pub fn ask(listens: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&reachable(listens), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut lines = BufReader::new(stream).lines();
    let status = lines.next().transpose()?.unwrap_or_default();
    if status.split(' ').nth(1) == Some("200") {
        return Ok(());
    }
    // The body says which dependency is missing; it is the last line.
    let body = lines.map_while(Result::ok).last().unwrap_or_default();
    Err(io::Error::other(format!("{status} {body}")))
}

/// An address that this machine reaches: listening on all of them is listening on loopback too.
#[must_use]
pub fn reachable(listens: SocketAddr) -> SocketAddr {
    let ip = match listens.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listens.port())
}

#[cfg(test)]
mod tests {
    use std::{io::Read, net::TcpListener, thread};

    use super::*;

    fn answered_with(answer: &'static str) -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept()?;
            let mut question = [0; 256];
            let read = stream.read(&mut question)?;
            assert!(question[..read].starts_with(b"GET /ready "));
            stream.write_all(answer.as_bytes())
        });
        let asked = ask(address);
        server.join().unwrap()?;
        asked
    }

    #[test]
    fn only_200_is_ready() {
        answered_with("HTTP/1.1 200 OK\r\n\r\n{}").unwrap();
        let error =
            answered_with("HTTP/1.1 503 Service Unavailable\r\n\r\n{\"database\":\"away\"}").unwrap_err();
        assert!(error.to_string().contains("503") && error.to_string().contains("away"), "{error}");
        answered_with("").unwrap_err();
    }

    #[test]
    fn who_listens_everywhere_is_asked_on_loopback() {
        assert_eq!(reachable("0.0.0.0:1".parse().unwrap()), "127.0.0.1:1".parse().unwrap());
        assert_eq!(reachable("[::]:1".parse().unwrap()), "[::1]:1".parse().unwrap());
        assert_eq!(reachable("192.0.2.1:1".parse().unwrap()), "192.0.2.1:1".parse().unwrap());
    }
}
