//! One order for all: seqs without holes, and who comes and goes in the same order.

use std::collections::HashMap;

use chat_tests::{JsonClient, TestServer};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_speaks_before_he_joined_or_after_he_left() {
    const PEOPLE: usize = 60;
    let server = TestServer::with().limits(|limits| limits.max_roster = 1000).start().await;
    let mut person = server.text("person").await;
    let mut program = server.json("program").await;
    let address = server.address;
    let visits: Vec<_> = (0..PEOPLE)
        .map(|n| {
            tokio::spawn(async move {
                let mut visitor = chat_tests::TextClient::dial(&format!("visitor{n}"), address).await;
                // All ahead, so that joining, speaking and leaving meet in one commit or in several.
                visitor
                    .send_raw(format!("visitor{n}\nfirst words of {n}\nlast words of {n}\n/quit\n").as_bytes())
                    .await;
                visitor.rest().await;
            })
        })
        .collect();
    for visit in visits {
        visit.await.unwrap();
    }
    let mut shown = Vec::new();
    let mut told = Vec::new();
    while gone_from_text(&shown) < PEOPLE {
        shown.push(person.line().await);
    }
    let mut gone = 0;
    while gone < PEOPLE {
        let line = program.receive().await;
        gone += line["left"].as_array().map_or(0, Vec::len);
        told.push(line.to_string());
    }
    for n in 0..PEOPLE {
        let name = format!("visitor{n}");
        let at = |lines: &[String], what: &dyn Fn(&str) -> bool| lines.iter().position(|line| what(line));
        let first = at(&shown, &|line| line.ends_with(&format!(": first words of {n}"))).expect("the first words");
        let last = at(&shown, &|line| line.ends_with(&format!(": last words of {n}"))).expect("the last words");
        let left = at(&shown, &|line| line.contains(" left the chat.") && names(line, &name));
        assert!(first < last, "{name}");
        assert!(left.is_none_or(|left| last < left), "{name} spoke after he left: {shown:#?}");
        let quoted = format!("\"{name}\"");
        let joined = at(&told, &|line| line.contains("\"presence\"") && line.contains(&quoted)).expect("he joined");
        let said = at(&told, &|line| line.contains(&format!("first words of {n}\""))).expect("he spoke");
        let said_last = at(&told, &|line| line.contains(&format!("last words of {n}\""))).expect("he spoke");
        let left = told.iter().rposition(|line| line.contains("\"presence\"") && line.contains(&quoted));
        assert!(joined < said && said < said_last && Some(said_last) < left, "{name}: {told:#?}");
    }
    server.stop().await;
}

fn names(line: &str, name: &str) -> bool {
    line.split([' ', ',']).any(|word| word == name)
}

/// How many have left by what was shown: those named, and the others that were counted.
fn gone_from_text(shown: &[String]) -> usize {
    let of_line = |line: &String| {
        let Some(who) = line.strip_prefix("*** ").and_then(|line| line.strip_suffix(" left the chat.")) else {
            return 0;
        };
        who.replace(" and ", ", ")
            .split(", ")
            .map(|part| part.strip_suffix(" others").map_or(1, |n| n.parse().unwrap()))
            .sum()
    };
    shown.iter().map(of_line).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_see_the_same_messages_in_the_same_order_without_a_hole() {
    const WRITERS: u64 = 4;
    const EACH: u64 = 300;
    let server = TestServer::with().unhurried().start().await;
    let mut reader = server.json("reader").await;
    let mut person = server.text("person").await;
    let mut writers = Vec::new();
    for w in 0..WRITERS {
        writers.push(server.json(&format!("writer{w}")).await);
    }
    let writing: Vec<_> = writers
        .into_iter()
        .enumerate()
        .map(|(w, writer)| {
            tokio::spawn(async move { write_and_see_every_seq(writer, w as u64, EACH, WRITERS * EACH).await })
        })
        .collect();
    let mut order = Vec::new();
    for seq in 1..=WRITERS * EACH {
        let message = reader.next("message").await;
        assert_eq!(message["seq"], seq);
        order.push(message["text"].as_str().unwrap().to_owned());
    }
    let mut shown = Vec::new();
    while shown.len() < order.len() {
        let line = person.line().await;
        if line.starts_with('[') {
            shown.push(line.split_once(": ").unwrap().1.to_owned());
        }
    }
    assert_eq!(shown, order);
    for (w, seen) in writing.into_iter().enumerate() {
        assert_eq!(seen.await.unwrap(), order, "what writer{w} saw");
    }
    server.stop().await;
}

/// Says `each` messages, as fast as it may have unacked ones, and returns all texts up to `last` as it saw them.
async fn write_and_see_every_seq(mut writer: JsonClient, w: u64, each: u64, last: u64) -> Vec<String> {
    let mut sent: HashMap<String, String> = HashMap::new();
    let mut next = 0;
    let mut unacked = 0;
    let mut order = Vec::new();
    while order.len() < last as usize {
        while next < each && unacked < 64 {
            let (id, text) = (format!("{next}"), format!("{w}/{next}"));
            writer.send(json!({"type": "say", "room": "lobby", "text": text, "id": id})).await;
            sent.insert(id, text);
            next += 1;
            unacked += 1;
        }
        let line = writer.receive().await;
        let text = match line["type"].as_str().unwrap() {
            "message" => line["text"].as_str().unwrap().to_owned(),
            "ack" => {
                unacked -= 1;
                sent[line["id"].as_str().unwrap()].clone()
            }
            _ => continue,
        };
        order.push(text);
        assert_eq!(line["seq"], order.len() as u64, "every seq in order, as a message or as an ack");
    }
    order
}

#[tokio::test]
async fn a_paste_in_one_write_is_carried_out_line_by_line() {
    let server = TestServer::start().await;
    let mut reader = server.json("reader").await;
    let mut person = server.text("person").await;
    let paste: String = (1..=150).map(|n| format!("line {n}\n")).collect();
    person.send_raw(paste.as_bytes()).await;
    for n in 1..=150 {
        let message = reader.next("message").await;
        assert_eq!((&message["seq"], &message["text"]), (&json!(n), &json!(format!("line {n}"))));
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_change_hands_leave_no_ghosts() {
    let server = TestServer::with().unhurried().start().await;
    let mut watcher = server.json("watcher").await;
    let address = server.address;
    let turns: Vec<_> = (0..4)
        .map(|n| {
            tokio::spawn(async move {
                let mut client = JsonClient::dial(&format!("turn{n}"), address).await;
                client.say_hello(json!({"type": "hello", "alias": format!("turn{n}")})).await;
                for round in 0..40 {
                    // Refused or not: one name of three is wanted by all.
                    client.send(json!({"type": "nick", "alias": format!("name{}", (n + round) % 3), "id": "n"})).await;
                    client.send(json!({"type": "nick", "alias": format!("turn{n}"), "id": "n"})).await;
                }
                client.send(json!({"type": "quit"})).await;
                client.rest().await;
            })
        })
        .collect();
    for turn in turns {
        turn.await.unwrap();
    }
    let until = std::time::Instant::now() + chat_tests::DEADLINE;
    let mut who = json!(null);
    while std::time::Instant::now() < until {
        watcher.send(json!({"type": "who", "room": "lobby", "id": "w"})).await;
        who = watcher.next("who").await;
        if who["members"] == json!(["watcher"]) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!((&who["members"], &who["count"]), (&json!(["watcher"]), &json!(1)));
    server.stop().await;
}
