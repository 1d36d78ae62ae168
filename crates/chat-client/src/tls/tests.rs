use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::error::Lost;

/// A certificate in PEM, what a server needs to show it, and its fingerprint.
struct Pair {
    pem: String,
    acceptor: TlsAcceptor,
    fingerprint: String,
}

impl Pair {
    /// For localhost, changed by `change`, and signed by itself.
    fn new(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.self_signed(&key).expect("a certificate");
        Self::of(&certificate, &key)
    }

    fn of(certificate: &rcgen::Certificate, key: &KeyPair) -> Self {
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key.serialize_der().try_into().expect("a key"))
            .expect("a pair");
        let fingerprint =
            sha2::Digest::finalize(sha2::Digest::chain_update(sha2::Sha256::default(), certificate.der()));
        let fingerprint = Fingerprint(fingerprint.into()).to_string();
        Self { pem: certificate.pem(), acceptor: TlsAcceptor::from(Arc::new(config)), fingerprint }
    }

    /// What a client makes of a server with this certificate at 127.0.0.1: nothing, or why it doesn't connect.
    async fn verdict(&self, host: &str, trust: Trust) -> Result<(), String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
        let port = listener.local_addr().expect("an address").port();
        let acceptor = self.acceptor.clone();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.expect("a client");
            drop(acceptor.accept(stream).await);
        });
        let mut client = Tls::new(format!("{host}:{port}"), trust).expect("a connector");
        match client.connect().await {
            Ok(_) => Ok(()),
            Err(error) => match Lost::connect(&error) {
                Lost::Untrusted(sentence) => Err(sentence.replace(&self.fingerprint, "FINGERPRINT")),
                other => panic!("{other:?}"),
            },
        }
    }
}

fn fingerprint(text: &str) -> Trust {
    Trust::Fingerprint(text.parse().expect("a fingerprint"))
}

#[tokio::test]
async fn one_certificate_is_enough_if_it_is_the_right_one() {
    // Neither its name nor its time matters: it is known by itself.
    let pair = Pair::new(|params| {
        params.subject_alt_names.clear();
        params.not_after = rcgen::date_time_ymd(2001, 1, 1);
    });
    assert_eq!(pair.verdict("127.0.0.1", fingerprint(&pair.fingerprint)).await, Ok(()));
    let bare = pair.fingerprint.replace(':', "").to_lowercase();
    assert_eq!(pair.verdict("localhost", fingerprint(&bare)).await, Ok(()));
    let other = "00".repeat(32);
    let refused = pair.verdict("localhost", fingerprint(&other)).await.expect_err("refused");
    assert!(refused.starts_with("its certificate is not the one that you asked for, but FINGERPRINT;"), "{refused}");
}

#[tokio::test]
async fn a_ca_vouches_for_names_within_their_time() {
    let ca_key = KeyPair::generate().expect("a key");
    let mut ca = CertificateParams::new(Vec::new()).expect("parameters");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&ca_key).expect("a certificate").pem();
    let issuer = Issuer::new(ca, &ca_key);
    type Change = fn(&mut CertificateParams);
    let issue = |change: Change| {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).expect("parameters");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        Pair::of(&params.signed_by(&key, &issuer).expect("a certificate"), &key)
    };
    let trust = || Trust::Ca(ca_pem.clone().into_bytes());

    assert_eq!(issue(|_| ()).verdict("localhost", trust()).await, Ok(()));
    let cases: [(Change, &str, &str); 4] = [
        (|params| params.not_after = rcgen::date_time_ymd(2001, 1, 1), "localhost", "its certificate has expired; "),
        (
            |params| params.not_before = rcgen::date_time_ymd(2999, 1, 1),
            "localhost",
            "its certificate is not valid yet; ",
        ),
        (|_| (), "127.0.0.1", "its certificate is not for 127.0.0.1, but for localhost; "),
        (|params| params.subject_alt_names.clear(), "localhost", "its certificate is not for localhost; "),
    ];
    for (change, host, expected) in cases {
        let refused = issue(change).verdict(host, trust()).await.expect_err("refused");
        assert!(refused.starts_with(expected) && refused.contains("FINGERPRINT"), "{refused}");
    }
}

#[tokio::test]
async fn whom_nobody_vouches_for_is_refused_with_the_way_to_trust_him() {
    let pair = Pair::new(|_| ());
    let other = Pair::new(|_| ());
    for trust in [Trust::Ca(other.pem.clone().into_bytes()), Trust::System] {
        let refused = pair.verdict("localhost", trust).await.expect_err("refused");
        assert!(refused.starts_with("nobody whom you trust vouches for its certificate; "), "{refused}");
        assert!(refused.ends_with("--fingerprint FINGERPRINT"), "{refused}");
    }
    // As a CA of its own a self-signed certificate will do.
    assert_eq!(pair.verdict("localhost", Trust::Ca(pair.pem.clone().into_bytes())).await, Ok(()));
}

#[tokio::test]
async fn a_server_without_tls_is_told_from_a_bad_one() {
    use tokio::io::AsyncWriteExt as _;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a listener");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        stream.write_all(b"ALIAS?\n").await.expect("written");
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await
    });
    let mut client = Tls::new(address.to_string(), fingerprint(&"00".repeat(32))).expect("a connector");
    let error = client.connect().await.expect_err("no TLS");
    assert_eq!(error.to_string(), "what answers there doesn't speak TLS; try it without --tls");
}

#[test]
fn fingerprints() {
    let whole = "ab".repeat(32);
    let colons = vec!["AB"; 32].join(":");
    let parse = |text: &str| text.parse::<Fingerprint>();
    assert_eq!(parse(&whole), parse(&colons));
    assert_eq!(parse(&whole).expect("a fingerprint").to_string(), colons);
    for bad in ["", "ab", &whole[1..], &format!("{whole}a"), &format!("{}g", &whole[1..]), &format!("{}ä", &whole[2..])]
    {
        assert_eq!(parse(bad), Err(BadFingerprint), "{bad}");
    }
}

#[test]
fn what_cannot_be_verified_is_not_tried() {
    let ca = |pem: &str| Tls::new("localhost:1", Trust::Ca(pem.as_bytes().to_vec()));
    for bad in ["", "nothing of use", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert!(matches!(ca(bad), Err(TlsError::BadCa)), "{bad}");
    }
    assert!(matches!(Tls::new("no host:1", Trust::System), Err(TlsError::BadHost(_))));
}
