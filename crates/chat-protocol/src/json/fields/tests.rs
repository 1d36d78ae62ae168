use serde_json::json;

use super::*;
use crate::json::{TYPES, parse_client};
use crate::message::ErrorCode;

/// A line of this type with all its fields.
fn whole(kind: &str, act: &str) -> Value {
    let mut line = json!({"type": kind});
    if kind == "moderate" {
        line["do"] = json!(act);
    }
    let alias = json!({"alias": "bob"});
    let fields = fields(kind, alias.as_object().expect("an object"));
    for (name, shape, _) in fields.iter().chain(of_act(act).iter().filter(|_| kind == "moderate")) {
        line[*name] = match shape {
            Text => json!("x"),
            Room => json!("lobby"),
            Id => json!("1"),
            Whole32 | Whole64 => json!(1),
            Flag => json!(true),
            Kind => json!("action"),
            Rooms => json!([{"room": "lobby", "after": 1}]),
            Act => json!(act),
        };
    }
    line
}

fn types() -> Vec<(&'static str, &'static str)> {
    let others = TYPES.iter().filter(|kind| **kind != "moderate").map(|kind| (*kind, ""));
    others.chain(ACTS.iter().map(|act| ("moderate", *act))).collect()
}

/// The sentence about a line, which is refused for a field, or `None`.
fn refusal(line: &Value) -> Option<String> {
    let refusal = parse_client(&line.to_string()).err()?;
    assert_eq!(refusal.code, ErrorCode::BadField, "{line}: {refusal:?}");
    Some(refusal.message)
}

#[test]
fn the_table_has_the_fields_that_are_read() {
    for (kind, act) in types() {
        let line = whole(kind, act);
        let message = parse_client(&line.to_string()).unwrap_or_else(|refusal| panic!("{line}: {refusal:?}"));
        let mut read = serde_json::to_value(&message).expect("a message is JSON");
        // What is at its default is not written.
        for (name, value) in [("kind", json!("action")), ("sure", json!(true)), ("quiet", json!(true))] {
            if line.get(name).is_some() {
                read[name] = value;
            }
        }
        assert_eq!(read, line, "a field is missing in the table, or in the message");
    }
}

#[test]
fn the_table_has_all_that_operators_may_do() {
    let error = serde_json::from_str::<crate::message::Moderation>(r#"{"do":"?"}"#).expect_err("nobody may");
    let words = error.to_string();
    let known: Vec<_> = words.split('`').skip(3).step_by(2).collect();
    let (mut known, mut told) = (known, ACTS.to_vec());
    known.sort_unstable();
    told.sort_unstable();
    assert_eq!(told, known, "{words}");
}

#[test]
fn a_field_that_makes_no_sense_is_named_with_what_it_takes() {
    for (kind, act) in types() {
        let names: Vec<_> = whole(kind, act).as_object().expect("an object").keys().cloned().collect();
        for name in names.iter().filter(|name| *name != "type") {
            for value in [json!("\u{7}"), json!(-1), json!(1e30), json!(1.5), json!(null), json!([1]), json!({"a": 1})]
            {
                let mut line = whole(kind, act);
                line[name] = value;
                let Some(words) = refusal(&line) else { continue };
                assert!(words.starts_with(&format!("{kind}: ")), "{line}: {words}");
                assert!(words.contains(&format!("\"{name}\" is ")), "{line}: {words}");
                let jargon = ["u32", "u64", "expected", "invalid type", "variant", "struct", "map", "integer"];
                assert!(!jargon.iter().any(|word| words.contains(word)), "{line}: {words}");
            }
            let mut line = whole(kind, act);
            line.as_object_mut().expect("an object").remove(name);
            if let Some(words) = refusal(&line) {
                assert!(words.starts_with(&format!("{kind}: \"{name}\" is missing; it is ")), "{line}: {words}");
            }
        }
    }
}

#[test]
fn sentences() {
    for (line, expected) in [
        (json!({"type": "hello", "alias": "bob", "v": "1"}), "hello: \"v\" is a whole number"),
        (json!({"type": "hello", "alias": "bob", "v": 1e30}), "hello: \"v\" is a whole number from 0 to 4294967295"),
        (json!({"type": "hello", "v": 1}), "hello: \"alias\" is missing; it is a text"),
        (json!({"type": "hello", "alias": "bob", "quiet": null}), "hello: \"quiet\" is true or false"),
        (
            json!({"type": "hello", "alias": "bob", "rooms": ["lobby"]}),
            "hello: \"rooms\" is a list such as [{\"room\": \"lobby\", \"after\": 41}]",
        ),
        (
            json!({"type": "hello", "alias": "bob", "rooms": [{"room": "lobby"}, {"room": "ops", "after": "1"}]}),
            "hello: in \"rooms\" \"after\" is a whole number",
        ),
        (
            json!({"type": "hello", "alias": "bob", "rooms": [{"after": 1}]}),
            "hello: in \"rooms\" \"room\" is missing; it is the name of a room",
        ),
        (json!({"type": "say", "room": "lobby", "text": "x", "kind": null}), "say: \"kind\" is \"say\" or \"action\""),
        (json!({"type": "say", "room": 5, "text": "x"}), "say: \"room\" is the name of a room"),
        (
            json!({"type": "say", "room": "a b", "text": "x"}),
            "say: \"room\" is no name of a room: a space cannot be in a name; letters and digits can, and _ . -",
        ),
    ] {
        assert_eq!(refusal(&line).as_deref(), Some(expected), "{line}");
    }
    assert_eq!(refusal(&json!({"type": "hello", "session": "s3cret"})), None, "a session brings its alias");
    assert_eq!(refusal(&json!({"type": "hello", "alias": ""})), None, "what is wrong with an alias is told elsewhere");
}
