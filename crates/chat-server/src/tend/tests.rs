use std::time::Duration;

use chat_protocol::message::RuleKind;
use chat_protocol::names::Alias;

use super::*;
use crate::book::Book;
use crate::log::{Durable, Person};
use crate::moderation::{Change, Order, Rule};
use crate::{Config, Server, Storage};

/// A ban of bob by the operator olga, as another process makes it.
fn ban_bob(data: &std::path::Path, hub: &Hub) {
    let order = Order::open(Box::new(Book::open(data).expect("a book"))).expect("an order");
    let (by, time) = (Alias::new("olga").expect("an alias"), hub.clock.now());
    let target = Target::Alias(Alias::new("bob").expect("an alias"));
    let kind = RuleKind::Ban;
    let rule = Rule { number: 0, kind, target, author: None, until: None, reason: None, by: by.clone(), time };
    order.change(Change { add: Some(rule), ..Change::default() }, &by, time, "ban bob".to_owned()).expect("banned");
}

#[tokio::test(start_paused = true)]
async fn a_ban_is_in_force_within_a_second_while_somebody_is_erased() {
    let data = tempfile::tempdir().expect("a folder");
    let mut config = Config::ephemeral("127.0.0.1:0".parse().expect("an address"));
    config.storage = Storage::Sqlite(Durable::new(data.path()));
    let server = Server::bind(config).await.expect("a server");
    let hub = Arc::clone(server.hub());
    let [bob, mallory] = ["bob", "mallory"].map(|name| {
        let peer = hub.register(None, true).expect("a place");
        hub.directory.claim(&Alias::new(name).expect("an alias"), &peer).expect("free");
        peer
    });
    let tending = tokio::spawn(tend(Arc::clone(&hub)));
    let person = Alias::new("mallory").expect("an alias");
    let mut book = Book::open(data.path()).expect("a book");
    book.ask_to_erase(&Person::Guest(person.clone()), &person).expect("asked");
    while mallory.ending().is_none() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // His connection hasn't gone yet, and is waited for.
    ban_bob(data.path(), &hub);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(bob.ending().is_some(), "the ban isn't in force");
    assert_eq!(book.erasures().expect("read").len(), 1, "the erasure goes on");
    tending.abort();
}
