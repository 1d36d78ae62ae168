use std::path::Path;
use std::time::Duration;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines, ReadHalf, WriteHalf};
use tokio_rustls::client::TlsStream as ClientStream;

use super::*;
use crate::{Config, Server};

const PATIENCE: Duration = Duration::from_secs(20);

/// A certificate for localhost and its key, both in PEM.
fn made() -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
    (params.self_signed(&key).expect("a certificate").pem(), key.serialize_pem())
}

/// A folder that is gone after the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = crate::secret::hex(&crate::secret::random::<8>().expect("random bytes"));
        let path = std::env::temp_dir().join(format!("chat-tls-{name}"));
        std::fs::create_dir(&path).expect("a folder");
        Self(path)
    }

    fn file(&self, name: &str, contents: &str) -> PathBuf {
        let path = self.0.join(name);
        // Not in place: another file under the name, as those who renew certificates do it.
        std::fs::write(path.with_extension("tmp"), contents).expect("a file");
        std::fs::rename(path.with_extension("tmp"), &path).expect("a file");
        path
    }

    fn pair(&self, (certificate, key): &(String, String)) -> Identity {
        Identity::Files { certificate: self.file("cert.pem", certificate), key: self.file("key.pem", key) }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server with TLS at the returned address, which serves until the test is over.
async fn serve(identity: Identity) -> (SocketAddr, Tls) {
    serve_with(identity, |_| ()).await
}

async fn serve_with(identity: Identity, change: impl FnOnce(&mut Config)) -> (SocketAddr, Tls) {
    let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    let mut config = Config::ephemeral(any);
    change(&mut config);
    config.tls = Some(TlsConfig::new(vec![any], identity));
    let server = Server::bind(config).await.expect("a server");
    let (address, tls) = (server.tls_addresses()[0], server.tls().expect("TLS").clone());
    tokio::spawn(server.run(std::future::pending()));
    (address, tls)
}

/// A person who trusts one certificate.
struct Person {
    lines: Lines<BufReader<ReadHalf<ClientStream<TcpStream>>>>,
    writer: WriteHalf<ClientStream<TcpStream>>,
}

async fn connect(address: SocketAddr, trusted: &str) -> io::Result<ClientStream<TcpStream>> {
    greet(TcpStream::connect(address).await?, trusted).await
}

async fn greet(stream: TcpStream, trusted: &str) -> io::Result<ClientStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(trusted.as_bytes()).expect("a certificate")).expect("a root");
    let config = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("a name");
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

impl Person {
    async fn join(address: SocketAddr, trusted: &str, alias: &str) -> Self {
        let stream = timeout(PATIENCE, connect(address, trusted)).await.expect("in time").expect("a connection");
        Self::introduce(stream, alias).await
    }

    async fn introduce(stream: ClientStream<TcpStream>, alias: &str) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        let mut person = Self { lines: BufReader::new(reader).lines(), writer };
        person.until("ALIAS?").await;
        person.say(&format!("{alias}\n")).await;
        person.until("*** You are").await;
        person
    }

    async fn say(&mut self, bytes: &str) {
        self.writer.write_all(bytes.as_bytes()).await.expect("written");
        self.writer.flush().await.expect("flushed");
    }

    /// All lines up to one that holds `words`.
    async fn until(&mut self, words: &str) -> Vec<String> {
        let mut seen = Vec::new();
        let found = timeout(PATIENCE, async {
            while let Some(line) = self.lines.next_line().await.expect("a connection") {
                seen.push(line);
                if seen.last().is_some_and(|line| line.contains(words)) {
                    return true;
                }
            }
            false
        });
        let found = matches!(found.await, Ok(true));
        assert!(found, "no {words:?} in {seen:#?}");
        seen
    }
}

#[tokio::test]
async fn a_balancer_tells_for_whom_it_passes_tls_through() {
    let folder = Folder::new();
    let pair = made();
    let proxied = |config: &mut Config| {
        config.proxy_protocol = true;
        config.limits.max_per_address = 1;
    };
    let (address, _) = serve_with(folder.pair(&pair), proxied).await;
    let mut here = Vec::new();
    for (n, alias) in [(1, "alice"), (2, "bob")] {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        let header = format!("PROXY TCP4 192.0.2.{n} 192.0.2.9 1000 5556\r\n");
        stream.write_all(header.as_bytes()).await.expect("sent");
        let stream = timeout(PATIENCE, greet(stream, &pair.0)).await.expect("in time").expect("TLS");
        here.push(Person::introduce(stream, alias).await);
    }
    here[1].say("hello\n").await;
    here[0].until("bob: hello").await;
}

#[tokio::test]
async fn people_chat_over_tls_as_over_tcp() {
    let folder = Folder::new();
    let pair = made();
    let (address, _) = serve(folder.pair(&pair)).await;
    let mut alice = Person::join(address, &pair.0, "alice").await;
    let mut bob = Person::join(address, &pair.0, "bob").await;
    alice.say("hello\n").await;
    bob.until("alice: hello").await;
    bob.say("/quit\n").await;
    bob.until("*** bye: you left").await;
    assert!(bob.lines.next_line().await.expect("a proper close").is_none());
}

#[tokio::test]
async fn a_connection_cut_inside_a_line_executes_the_whole_lines_alone() {
    let folder = Folder::new();
    let pair = made();
    let (address, _) = serve(folder.pair(&pair)).await;
    let mut bob = Person::join(address, &pair.0, "bob").await;
    let mut alice = Person::join(address, &pair.0, "alice").await;
    alice.say("whole\n/me begins to trans").await;
    let (reader, writer) = (alice.lines.into_inner().into_inner(), alice.writer);
    let (tcp, _) = reader.unsplit(writer).into_inner();
    drop(tcp);
    let seen = bob.until("alice left").await.join("\n");
    assert!(seen.contains("alice: whole"), "{seen}");
    assert!(!seen.contains("begins"), "{seen}");
}

#[tokio::test]
async fn a_new_certificate_is_for_new_connections_and_a_bad_one_for_nobody() {
    let folder = Folder::new();
    let (old, new) = (made(), made());
    let identity = folder.pair(&old);
    let (address, tls) = serve(identity).await;
    let mut alice = Person::join(address, &old.0, "alice").await;

    folder.pair(&new);
    tls.reload();
    let mut bob = Person::join(address, &new.0, "bob").await;
    assert!(connect(address, &old.0).await.is_err(), "the old certificate is still given out");

    folder.pair(&(new.0.clone(), old.1.clone()));
    tls.reload();
    folder.file("cert.pem", "nothing of use");
    tls.reload();
    let mut carol = Person::join(address, &new.0, "carol").await;

    carol.say("all here?\n").await;
    alice.until("carol: all here?").await;
    bob.until("carol: all here?").await;
}

#[tokio::test(start_paused = true)]
async fn changed_files_are_noticed_and_read_once_they_stay_as_they_are() {
    let folder = Folder::new();
    let tls = Tls::new(folder.pair(&made()), &[]).expect("TLS");
    let before = tls.current.fingerprint();
    let watching = tokio::spawn(tls.clone().watch());
    tokio::time::sleep(CERTIFICATE_POLL * 2).await;
    folder.pair(&made());
    tokio::time::sleep(CERTIFICATE_POLL * 3).await;
    assert_ne!(tls.current.fingerprint(), before);
    watching.abort();
}

#[test]
fn a_pair_that_cannot_be_used_is_named() {
    let folder = Folder::new();
    let (one, other) = (made(), made());
    let check = |certificate: &str, key: &str, expected: &str| {
        let identity = folder.pair(&(certificate.to_owned(), key.to_owned()));
        let error =
            Tls::new(identity, &[]).expect_err("no TLS").to_string().replace(&format!("{}/", folder.0.display()), "");
        assert_eq!(error, expected);
    };
    check("", &one.1, "cert.pem holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)");
    check(&one.1, &one.1, "cert.pem holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)");
    check(&one.0, &one.0, "key.pem holds no private key in PEM form; one with a passphrase has to be decrypted first");
    check(&one.0, &other.1, "the key in key.pem doesn't belong to the certificate in cert.pem");
    let missing = Identity::Files { certificate: "/no/such/file".into(), key: "/no/such/key".into() };
    let error = Tls::new(missing, &[]).expect_err("no TLS").to_string();
    assert!(error.starts_with("can't read /no/such/file: "), "{error}");
}

#[test]
fn a_self_signed_certificate_is_kept_for_the_next_start() {
    let folder = Folder::new();
    let kept = || Tls::new(Identity::SelfSigned { folder: Some(folder.0.join("data")) }, &[]).expect("TLS");
    let fingerprint = kept().own_fingerprint().expect("a fingerprint");
    assert_eq!(fingerprint.len(), 32 * 3 - 1);
    assert_eq!(kept().own_fingerprint(), Some(fingerprint));
    let forgotten = || Tls::new(Identity::SelfSigned { folder: None }, &[]).expect("TLS").own_fingerprint();
    assert_ne!(forgotten(), forgotten());
    assert_others_cant_read(&folder.0.join("data/self-signed.pem"));
}

#[cfg(unix)]
fn assert_others_cant_read(path: &Path) {
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(path).expect("a file"));
    assert_eq!(mode & 0o077, 0, "{mode:o}");
}

#[cfg(not(unix))]
fn assert_others_cant_read(_: &Path) {}

#[tokio::test]
async fn a_self_signed_certificate_is_valid_for_localhost() {
    let folder = Folder::new();
    let (address, _) = serve(Identity::SelfSigned { folder: Some(folder.0.clone()) }).await;
    let pem = std::fs::read_to_string(folder.0.join("self-signed.pem")).expect("the certificate");
    let mut alice = Person::join(address, &pem, "alice").await;
    alice.say("/who\n").await;
    alice.until("alice").await;
}

#[tokio::test]
async fn a_person_without_tls_is_told_so() {
    let (address, _) = serve(Identity::SelfSigned { folder: None }).await;
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(b"alice\n").await.expect("written");
    let mut heard = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut heard)).await.expect("in time").expect("words");
    let expected = "!!! this port speaks TLS; join with chat-client ALIAS --server HOST:PORT --tls, \
                    or with openssl s_client -quiet -connect HOST:PORT\n";
    assert_eq!(heard, expected);
}

#[tokio::test]
async fn handshakes_that_do_not_begin_keep_nobody_waiting() {
    let folder = Folder::new();
    let pair = made();
    let (address, _) = serve(folder.pair(&pair)).await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(address).await.expect("a connection"));
    }
    let joined = timeout(Duration::from_secs(5), Person::join(address, &pair.0, "alice"));
    joined.await.expect("in time");
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_takes_too_long_is_ended() {
    let deadline = Duration::from_secs(3);
    let (address, _) =
        serve_with(Identity::SelfSigned { folder: None }, |config| config.limits.tls_handshake = deadline).await;
    // The record of a greeting that never comes, and somebody who waits to be asked.
    for (begins, says) in [(&[0x16, 3, 1, 2, 0][..], ""), (&[], "!!! this port speaks TLS; join with chat-client")] {
        let mut stream = TcpStream::connect(address).await.expect("a connection");
        stream.write_all(begins).await.expect("written");
        let begun = Instant::now();
        let mut heard = String::new();
        let _ = stream.read_to_string(&mut heard).await;
        assert!(heard.starts_with(says) && heard.is_empty() == says.is_empty(), "{heard}");
        let took = begun.elapsed();
        assert!(took >= deadline && took <= deadline + Duration::from_secs(1), "{took:?}");
    }
}

#[tokio::test]
async fn with_a_certificate_the_page_is_https_and_nothing_else() {
    let folder = Folder::new();
    let pair = made();
    let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    let mut config = Config::ephemeral(any);
    config.web = Some(crate::WebConfig::new(any));
    config.tls = Some(TlsConfig::new(Vec::new(), folder.pair(&pair)));
    let server = Server::bind(config).await.expect("a server");
    let address = server.web_address().expect("the page's address");
    assert_eq!(server.web_scheme(), Some("https"));
    tokio::spawn(server.run(std::future::pending()));
    let head =
        |path: &str, more: &str| format!("GET {path} HTTP/1.1\r\nHost: localhost:{}\r\n{more}\r\n", address.port());

    let mut page = connect(address, &pair.0).await.expect("a connection");
    page.write_all(head("/", "Connection: close\r\n").as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, page.read_to_end(&mut answer)).await.expect("in time");
    assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"), "{:?}", String::from_utf8_lossy(&answer));

    let mut socket = connect(address, &pair.0).await.expect("a connection");
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let from = format!("Origin: https://localhost:{}\r\n{upgrade}", address.port());
    socket.write_all(head("/ws", &from).as_bytes()).await.expect("sent");
    let mut lines = BufReader::new(socket).lines();
    let first = timeout(PATIENCE, lines.next_line()).await.expect("in time").expect("a line");
    assert_eq!(first.as_deref(), Some("HTTP/1.1 101 Switching Protocols"));

    let mut plain = TcpStream::connect(address).await.expect("a connection");
    plain.write_all(head("/", "").as_bytes()).await.expect("sent");
    let mut answer = String::new();
    timeout(PATIENCE, plain.read_to_string(&mut answer)).await.expect("in time").expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n") && answer.contains("https://"), "{answer}");
}
