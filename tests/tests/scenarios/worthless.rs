//! Sessions of an account that a new password, or its end, has made worthless: at once, and to a later server.

use std::path::Path;

use chat_tests::{JsonClient, TestServer};
use serde_json::{Value, json};

const PASSWORD: &str = "correct horse";

async fn start(data: &Path) -> TestServer {
    TestServer::with().durable(data).start().await
}

/// The owner of an account in two sessions, each of which is kept, and where the first one said something.
async fn two_sessions(server: &TestServer) -> (JsonClient, JsonClient) {
    let mut laptop = server.json("alice").await;
    laptop.send(json!({"type": "register", "password": PASSWORD, "id": "r"})).await;
    laptop.next("ack").await;
    let hello = json!({"type": "hello", "alias": "alice", "password": PASSWORD});
    let mut phone = server.hello("phone", hello).await;
    for (client, id) in [(&mut laptop, "l"), (&mut phone, "p")] {
        client.request(json!({"type": "say", "room": "lobby", "text": "hello", "id": id})).await;
    }
    (laptop, phone)
}

/// What a client is answered that comes back with its session.
async fn comes_back(server: &TestServer, client: &JsonClient) -> (JsonClient, Value) {
    let mut again = server.dial_json("again").await;
    again.send(json!({"type": "hello", "session": client.session})).await;
    let answer = again.receive().await;
    (again, answer)
}

#[tokio::test]
async fn after_a_new_password_the_session_that_set_it_goes_on_and_the_others_do_not() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path()).await;
    let (mut laptop, phone) = two_sessions(&server).await;
    // The clock stands still: all of this is in one millisecond.
    laptop.request(json!({"type": "password", "password": PASSWORD, "new": "battery staple", "id": "n"})).await;
    assert_eq!(comes_back(&server, &phone).await.1["code"], "unknown_session");
    server.stop().await;

    let server = start(data.path()).await;
    assert_eq!(comes_back(&server, &phone).await.1["code"], "unknown_session");
    let welcome = comes_back(&server, &laptop).await.1;
    assert_eq!((&welcome["alias"], &welcome["account"]), (&json!("alice"), &json!(true)), "{welcome}");
    server.stop().await;
}

#[tokio::test]
async fn a_session_of_an_account_that_was_given_up_is_nobodys() {
    let data = tempfile::tempdir().unwrap();
    let server = start(data.path()).await;
    let (mut laptop, phone) = two_sessions(&server).await;
    laptop.request(json!({"type": "unregister", "password": PASSWORD, "id": "u"})).await;
    assert_eq!(comes_back(&server, &phone).await.1["code"], "unknown_session");
    server.stop().await;

    let server = start(data.path()).await;
    assert_eq!(comes_back(&server, &phone).await.1["code"], "unknown_session");
    // The one that gave it up goes on as a guest, who isn't the author of what was said before.
    let (mut guest, welcome) = comes_back(&server, &laptop).await;
    assert_eq!((&welcome["alias"], &welcome["account"]), (&json!("alice"), &Value::Null), "{welcome}");
    guest.send(json!({"type": "redact", "room": "lobby", "seq": 1, "id": "x"})).await;
    assert_eq!(guest.next("error").await["code"], "forbidden");
    server.stop().await;
}
