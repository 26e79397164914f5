//! A network between client and broker that tests can make worse.

use std::{
    io::{self, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// Time between two checks of a held connection.
const GLANCE: Duration = Duration::from_millis(5);

/// A TCP proxy on loopback that passes data on, with a delay or not at all.
///
/// The proxy is started before its broker, so that the broker can advertise the proxy's address (`kafka-up
/// --advertise`). Until [`lead_to`](Self::lead_to) is called, the proxy closes every new connection.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    line: Arc<Line>,
}

#[derive(Debug, Default)]
struct Line {
    target: Mutex<Option<String>>,
    /// Both ends of every open connection.
    open: Mutex<Vec<(usize, TcpStream)>>,
    next: AtomicUsize,
    delay: AtomicU64,
    held: AtomicBool,
    ended: AtomicBool,
}

impl Proxy {
    /// Listens on a free port.
    ///
    /// # Panics
    /// If loopback has no free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on loopback");
        let address = listener.local_addr().expect("a listener has an address");
        let line = Arc::new(Line::default());
        let accepting = line.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                if accepting.ended.load(Ordering::SeqCst) {
                    return;
                }
                if let Ok(client) = client {
                    // If the broker cannot be reached, the client's connection is closed.
                    let _ = accepting.connect(client);
                }
            }
        });
        Self { address, line }
    }

    /// The proxy's address.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Passes new connections on to `target`, `host:port`.
    pub fn lead_to(&self, target: &str) {
        *lock(&self.line.target) = Some(target.to_owned());
    }

    /// Delays all later data by this time, in each direction.
    pub fn delay(&self, by: Duration) {
        self.line.delay.store(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// Holds all data back, or releases it. Meanwhile connections open and stay open, but no data arrives.
    pub fn hold(&self, held: bool) {
        self.line.held.store(held, Ordering::SeqCst);
    }

    /// Closes all connections and returns their number. New connections are accepted.
    pub fn cut(&self) -> usize {
        let open = std::mem::take(&mut *lock(&self.line.open));
        for (_, stream) in &open {
            let _ = stream.shutdown(Shutdown::Both);
        }
        open.len() / 2
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.line.ended.store(true, Ordering::SeqCst);
        self.hold(false);
        self.cut();
        // Wakes the accepting thread.
        let _ = TcpStream::connect(self.address);
    }
}

impl Line {
    fn connect(self: &Arc<Self>, client: TcpStream) -> io::Result<()> {
        let Some(target) = lock(&self.target).clone() else { return Ok(()) };
        let broker = TcpStream::connect(target)?;
        for stream in [&client, &broker] {
            stream.set_nodelay(true)?;
        }
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        lock(&self.open).extend([(number, client.try_clone()?), (number, broker.try_clone()?)]);
        for (from, to) in [(client.try_clone()?, broker.try_clone()?), (broker, client)] {
            let line = self.clone();
            thread::spawn(move || {
                let _ = line.pass_on(&from, &to);
                let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
                lock(&line.open).retain(|(other, _)| *other != number);
            });
        }
        Ok(())
    }

    fn pass_on(&self, mut from: &TcpStream, mut to: &TcpStream) -> io::Result<()> {
        let mut bytes = [0; 16 * 1024];
        loop {
            let count = from.read(&mut bytes)?;
            if count == 0 {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(self.delay.load(Ordering::SeqCst)));
            while self.held.load(Ordering::SeqCst) {
                thread::sleep(GLANCE);
            }
            to.write_all(&bytes[..count])?;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    /// A server that answers each byte with the next one.
    fn server() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                thread::spawn(move || {
                    let mut byte = [0];
                    while stream.read(&mut byte).is_ok_and(|count| count == 1) {
                        byte[0] += 1;
                        stream.write_all(&byte).unwrap();
                    }
                });
            }
        });
        address
    }

    fn ask(stream: &mut TcpStream) -> Option<u8> {
        let mut byte = [1];
        stream.write_all(&byte).ok()?;
        stream.read_exact(&mut byte).ok()?;
        Some(byte[0])
    }

    #[test]
    fn the_proxy_delays_and_cuts_connections() {
        let proxy = Proxy::start();
        assert_eq!(ask(&mut TcpStream::connect(proxy.address()).unwrap()), None, "leads nowhere");
        proxy.lead_to(&server());
        let mut stream = TcpStream::connect(proxy.address()).unwrap();
        assert_eq!(ask(&mut stream), Some(2));
        proxy.delay(Duration::from_millis(30));
        let begun = Instant::now();
        assert_eq!(ask(&mut stream), Some(2));
        assert!(begun.elapsed() >= Duration::from_millis(60));
        proxy.delay(Duration::ZERO);

        proxy.hold(true);
        stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        assert_eq!(ask(&mut stream), None);
        assert_eq!(proxy.cut(), 1);
        proxy.hold(false);
        assert_eq!(ask(&mut stream), None, "cut");
        assert_eq!(ask(&mut TcpStream::connect(proxy.address()).unwrap()), Some(2), "new ones are taken");
    }
}
