use std::collections::BTreeSet;

use proptest::prelude::*;
use unicode_normalization::is_nfc;
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use super::*;

#[track_caller]
fn alias(name: &str) -> Alias {
    Alias::new(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[track_caller]
fn key(name: &str) -> NameKey {
    RoomName::new(name).unwrap_or_else(|error| panic!("{name}: {error}")).key()
}

// What may be a name.

#[track_caller]
fn check_refused(name: &str, says: &str) {
    let error = Alias::new(name).expect_err(name);
    assert_eq!(error.to_string(), says, "{name:?}");
}

#[test]
fn names_of_the_world_are_welcome() {
    let names = [
        "alice",
        "Alice_2",
        "_x",
        "2fast",
        "a.b-c",
        "x",
        "Zoë",
        "josé",
        "Nguyễn",
        "İbrahim",
        "Łukasz",
        "Straße",
        "OʼBrien",
        "алиса",
        "Їжак",
        "ήλιος",
        "Հայկ",
        "ნინო",
        "田中さくら",
        "ラーメン",
        "佐々木",
        "𠮷田",
        "김철수",
        "陈伟",
        "田中Ken",
        "김Kim",
        "佐藤Zoë",
        "أحمد",
        "مُحَمَّد",
        "أحمد2",
        "علی۲",
        "שלום",
        "मुकेश",
        "प्रियंका",
        "लड़कियाँ",
        "ज़ीं",
        "মৌসুমী",
        "ਗੁਰਪ੍ਰੀਤ",
        "பிரியா",
        "ಮಂಜು",
        "ගිහාන්",
        "สมชาย",
        "น้ำ",
        "คำ",
        "ที่รัก",
        "ຄຳ",
        "လှိုင်",
        "မြို့",
        "ကြောင့်",
        "လျှော်",
        "སྒྲོལམ",
        "ខ្ញុំ",
        "አበበ",
        "q\u{303}\u{302}",
    ];
    for name in names {
        assert_eq!(alias(name).as_str(), name);
        assert_eq!(RoomName::new(name).map(|room| room.to_string()), Ok(name.to_owned()));
    }
}

#[test]
fn length_is_counted_in_composed_characters() {
    let decomposed = "e\u{301}".repeat(32);
    assert_eq!(alias(&decomposed).as_str(), "é".repeat(32));
    assert_eq!(alias(&"x".repeat(32)).as_str().len(), 32);
    check_refused("", "a name has 1 to 32 characters; this one is empty");
    check_refused(&"x".repeat(40), "a name has 1 to 32 characters; this one has 40");
    check_refused(&"e\u{301}".repeat(33), "a name has 1 to 32 characters; this one has 33");
}

#[test]
fn characters_that_are_no_letter_digit_or_mark() {
    let cannot = "cannot be in a name; letters and digits can, and _ . -";
    for (name, found) in [
        ("a b", "a space"),
        (" alice", "a space"),
        ("alice ", "a space"),
        ("al!ce", "\"!\""),
        ("al\"ce", "'\"'"),
        ("##ops", "\"#\""),
        ("@bob", "\"@\""),
        ("a\nb", "U+000A"),
        ("a\x1b[2J", "U+001B"),
        ("a\u{200B}b", "U+200B"),
        ("می\u{200C}خواهم", "U+200C"),
        ("a\u{200D}b", "U+200D"),
        ("a\u{200E}b", "U+200E"),
        ("a\u{200F}b", "U+200F"),
        ("a\u{202E}b", "U+202E"),
        ("a\u{FE0F}b", "U+FE0F"),
        ("a\u{34F}b", "U+034F"),
        ("a\u{3164}b", "U+3164"),
        ("a\u{10FFFF}b", "U+10FFFF"),
        ("a👍", "\"👍\" (U+1F44D)"),
        ("a’b", "\"’\" (U+2019)"),
        ("ト・ム", "\"・\" (U+30FB)"),
        ("ⲁ", "\"ⲁ\" (U+2C81)"),
    ] {
        check_refused(name, &format!("{found} {cannot}"));
    }
    check_refused("ａlice", &format!("\"ａ\" (U+FF41) {cannot}, and so can \"a\""));
    check_refused("x²", &format!("\"²\" (U+00B2) {cannot}, and so can \"2\""));
}

#[test]
fn beginnings() {
    let can = "it can begin with a letter, a digit or _";
    check_refused(".x", &format!("a name cannot begin with \".\"; {can}"));
    check_refused("-x", &format!("a name cannot begin with \"-\"; {can}"));
    check_refused("-é", &format!("a name cannot begin with \"-\"; {can}"));
    let loose = "does not stand on a letter; a name can have marks only on letters";
    check_refused("\u{301}a", &format!("the mark U+0301 {loose}"));
    check_refused("a-\u{308}", &format!("the mark U+0308 {loose}"));
    check_refused("1\u{307}", &format!("the mark U+0307 {loose}"));
}

#[test]
fn marks_do_not_pile_up_or_hide() {
    check_refused(
        "q\u{303}\u{302}\u{301}",
        "there are more than 2 marks on \"q\"; a name can have at most 2 on this letter",
    );
    check_refused(
        "ก\u{E34}\u{E48}\u{E4C}\u{E47}\u{E38}",
        "there are more than 4 marks on \"ก\" (U+0E01); a name can have at most 4 on this letter",
    );
    let hidden =
        |letter, mark| format!("the mark {mark} cannot be seen on {letter}, which has it already; leave it out");
    check_refused("q\u{303}\u{303}", &hidden("\"q\"", "U+0303"));
    check_refused("ali\u{307}ce", &hidden("\"i\"", "U+0307"));
    check_refused("alı\u{307}ce", &hidden("\"ı\" (U+0131)", "U+0307"));
    check_refused("ali\u{323}\u{307}ce", &hidden("\"i\"", "U+0307"));
    check_refused("алі\u{307}са", &hidden("\"і\" (U+0456)", "U+0307"));
    assert_eq!(alias("Ż").as_str(), alias("Z\u{307}").as_str());
}

#[test]
fn scripts_that_are_not_written_together() {
    let one = "a name keeps to one script, or joins Latin with Chinese, Japanese or Korean; this one has";
    check_refused("аlice", &format!("{one} Cyrillic \"а\" (U+0430) beside Latin \"l\""));
    check_refused("Zoë-алиса", &format!("{one} Latin \"Z\" beside Cyrillic \"а\" (U+0430)"));
    check_refused("aλ", &format!("{one} Latin \"a\" beside Greek \"λ\" (U+03BB)"));
    check_refused("Ahmedأ", &format!("{one} Latin \"A\" beside Arabic \"أ\" (U+0623)"));
    check_refused("김さ", &format!("{one} Hangul \"김\" (U+AE40) beside Hiragana \"さ\" (U+3055)"));
}

#[test]
fn right_to_left_names_are_shown_where_they_stand() {
    for name in ["1أحمد", "_أحمد", "أحمد_", "أحمد-", "أ1٢"] {
        assert_eq!(Alias::new(name), Err(NameError::Direction), "{name}");
    }
    assert_eq!(alias("أحمد_علي").as_str(), "أحمد_علي");
}

#[test]
fn reserved_words_are_for_rooms_only() {
    for word in RESERVED {
        for name in [word.to_owned(), word.to_uppercase()] {
            assert!(matches!(Alias::new(&name), Err(NameError::Reserved { .. })), "{name}");
            assert_eq!(RoomName::new(&name).map(|room| room.to_string()), Ok(name));
        }
        assert_eq!(alias(&format!("{word}2")).to_string(), format!("{word}2"));
    }
    check_refused("system", "system is reserved; choose another name");
    check_refused("Systern", "Systern is too much like system, which is reserved; choose another name");
    check_refused("y0u", "y0u is too much like you, which is reserved; choose another name");
    check_refused("һеге", "һеге is too much like here, which is reserved; choose another name");
    assert_eq!(alias("Opérator").as_str(), "Opérator");
}

#[test]
fn a_room_drops_one_hash() {
    assert_eq!(RoomName::new("#ops").map(|room| room.to_string()), Ok("ops".to_owned()));
    assert_eq!(RoomName::new("##ops"), Err(NameError::BadCharacter { found: '#' }));
    assert_eq!(RoomName::new("#"), Err(NameError::Empty));
}

#[test]
fn as_json_and_as_debug() {
    let zoe: Alias = serde_json::from_str("\"Zoe\u{308}\"").expect("a name");
    assert_eq!(serde_json::to_string(&zoe).expect("a string"), "\"Zoë\"");
    assert_eq!(format!("{zoe:?} {zoe:>5}"), "Alias(\"Zoë\")   Zoë");
    let error = serde_json::from_str::<RoomName>("\"a b\"").expect_err("has a space");
    assert!(error.to_string().starts_with("a space cannot be in a name"), "{error}");
    assert_eq!("#ops".parse::<RoomName>().map(Arc::from), Ok(Arc::<str>::from("ops")));
}

// When two are the same.

#[derive(Debug, PartialEq)]
enum Same {
    /// Whoever has them.
    Always,
    /// If one is protected.
    Protected,
    Never,
}

#[track_caller]
fn check_same(one: &str, other: &str, expected: Same) {
    let (a, b) = (key(one), key(other));
    let same = match (a.is_same(&b, false), a.is_same(&b, true)) {
        (true, _) => Same::Always,
        (false, true) => Same::Protected,
        (false, false) => Same::Never,
    };
    assert_eq!(same, expected, "{one} and {other}");
    assert_eq!(b.is_same(&a, false), same == Same::Always, "{other} and {one}");
    assert_eq!(b.is_same(&a, true), same != Same::Never, "{other} and {one}");
}

#[test]
fn sameness() {
    check_same("alice", "Alice", Same::Always);
    check_same("zoë", "ZOË", Same::Always);
    check_same("zoë", "zoe\u{308}", Same::Always);
    check_same("ΟΔΥΣΣΕΥΣ", "οδυσσευς", Same::Always);
    check_same("ᾨ", "ᾠ", Same::Always);

    check_same("coco", "сосо", Same::Always);
    check_same("BOB", "ВОВ", Same::Always);
    check_same("bob", "ВОВ", Same::Always);
    check_same("mama", "МАМА", Same::Always);
    check_same("ニ", "二", Same::Always);
    check_same("吉田", "𠮷田", Same::Always);
    check_same("alıce", "alice", Same::Always);

    check_same("alice", "AIice", Same::Protected);
    check_same("ALICE", "aIice", Same::Protected);
    check_same("alice", "a1ice", Same::Protected);
    check_same("bob", "B0B", Same::Protected);
    check_same("mark", "rnark", Same::Protected);

    check_same("alice", "alice2", Same::Never);
    check_same("jose", "josé", Same::Never);
    check_same("ibrahim", "İbrahim", Same::Never);
    check_same("alice", "алиса", Same::Never);
}

#[test]
fn the_key_says_what_it_folds_to() {
    assert_eq!((key("ZOË").folded(), key("ZOË").is_ascii()), ("zoë", false));
    assert_eq!((key("Bob").folded(), key("Bob").is_ascii()), ("bob", true));
}

// The map.

#[track_caller]
fn insert(map: &mut NameMap<u32>, name: &str, protected: bool, value: u32) -> Result<(), u32> {
    map.insert(name, key(name), protected, value)
}

#[test]
fn a_map_keeps_those_apart_that_look_alike() {
    let mut map = NameMap::new();
    assert_eq!(insert(&mut map, "Bob", false, 1), Ok(()));
    assert_eq!(insert(&mut map, "b0b", false, 2), Ok(()));
    assert_eq!(insert(&mut map, "bOB", false, 3), Err(3));
    assert_eq!(insert(&mut map, "ЬоЬ", false, 3), Err(3));
    assert_eq!(map.conflict(&key("BOB")), Some(("Bob", &1)));
    assert_eq!(map.conflict(&key("B0b")), Some(("b0b", &2)));
    assert_eq!(map.conflict(&key("bo8")), None);
    assert_eq!(map.get(&key("BOB")), Some(&1));
    assert_eq!(map.get(&key("ЬоЬ")), None);
    let strict: Vec<_> = map.conflicts(&key("ЬоЬ"), false).map(|(name, _)| name).collect();
    assert_eq!(strict, ["b0b", "Bob"]);
    assert_eq!(map.len(), 2);

    assert_eq!(map.remove(&key("bob")), Some(1));
    assert_eq!(map.remove(&key("bob")), None);
    assert_eq!(map.conflict(&key("ЬоЬ")), Some(("b0b", &2)));
    assert_eq!(map.remove(&key("B0B")), Some(2));
    assert_eq!(map.conflict(&key("ЬоЬ")), None);
    assert!(map.is_empty());
}

#[test]
fn an_account_has_its_look_to_itself() {
    let mut map = NameMap::new();
    assert_eq!(insert(&mut map, "alice", true, 1), Ok(()));
    assert_eq!(insert(&mut map, "AIice", false, 2), Err(2));
    assert!(map.set_protected(&key("alice"), false));
    assert_eq!(insert(&mut map, "AIice", false, 2), Ok(()));
    assert_eq!(map.conflicts(&key("a1ice"), true).count(), 2);
    assert_eq!(insert(&mut map, "a1ice", true, 3), Err(3));
    assert!(map.set_protected(&key("alice"), true));
    assert_eq!(map.conflict(&key("a1ice")), Some(("alice", &1)));
    assert!(!map.set_protected(&key("a1ice"), true));
    assert_eq!(map.remove(&key("alice")), Some(1));
    assert_eq!(insert(&mut map, "a1ice", false, 3), Ok(()));
}

#[test]
fn what_was_stored_before_comes_back_whatever_it_looks_like() {
    let mut map = NameMap::new();
    assert_eq!(map.restore("coco", key("coco"), true, 1), Ok(()));
    assert_eq!(map.restore("сосо", key("сосо"), true, 2), Ok(()));
    assert_eq!(map.restore("Coco", key("Coco"), true, 3), Err(3));
    assert_eq!(map.get_mut(&key("СОСО")), Some(&mut 2));
}

#[test]
fn a_map_is_paged_in_the_order_of_folded_names() {
    let mut map = NameMap::default();
    for (value, name) in ["dave", "Bob", "alice", "Carol"].into_iter().enumerate() {
        assert_eq!(insert(&mut map, name, false, value as u32), Ok(()));
    }
    let names: Vec<_> = map.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["alice", "Bob", "Carol", "dave"]);
    let after = |name| map.iter_after(&key(name)).map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(after("BOB"), ["Carol", "dave"]);
    assert_eq!(after("bobby"), ["Carol", "dave"]);
    assert_eq!(after("dave"), [""; 0]);
}

// Suggestions.

#[track_caller]
fn check_suggestion(taken: &[&str], expected: &str) {
    let found = alias(taken[0]).suggestion(|alias| !taken.contains(&alias.as_str()));
    assert_eq!(found.as_ref().map(Alias::as_str), Some(expected));
}

#[test]
fn suggestions() {
    check_suggestion(&["alice"], "alice2");
    check_suggestion(&["alice", "alice2", "alice3"], "alice4");
    check_suggestion(&["alice2"], "alice3");
    check_suggestion(&["r2d2"], "r2d3");
    check_suggestion(&["bot0"], "bot1");
    check_suggestion(&["bot007"], "bot008");
    check_suggestion(&["1999"], "2000");
    check_suggestion(&["tel5551234567"], "tel5551234567-2");
    check_suggestion(&["أحمد"], "أحمد2");
    check_suggestion(&["さくら"], "さくら2");
    check_suggestion(&[&"x".repeat(32)], &("x".repeat(31) + "2"));
    let marked = "x".repeat(30) + "q\u{303}";
    check_suggestion(&[&marked], &("x".repeat(30) + "2"));
    assert_eq!(alias("alice").suggestion(|_| false), None);
}

#[test]
fn among_ten_thousand_of_one_name_the_next_is_found_quickly() {
    let is_free = |alias: &Alias| alias.as_str()["bot".len()..].parse::<u32>().expect("a number") > 10_000;
    let mut asked = 0;
    let found = alias("bot").suggestion(|alias| {
        asked += 1;
        is_free(alias)
    });
    assert_eq!(found.as_ref().map(Alias::as_str), Some("bot10001"));
    assert!(asked < 150, "{asked}");
}

// What holds for all.

/// Strings that are often names, and often alike; `any::<String>()` is hardly ever either.
fn nearly_names() -> impl Strategy<Value = String> {
    let alike = "aаAА0oOоОlI1iіıbЬBВ8mrnМсc_-.2\u{301}\u{303}\u{307}ëأ٣ニ二";
    let one = prop::sample::select(alike.chars().collect::<Vec<_>>());
    prop_oneof![
        8 => prop::collection::vec(one, 1..5).prop_map(String::from_iter),
        1 => any::<String>(),
        1 => "\\PC{1,6}",
    ]
}

/// Few enough that two are often the same in one way or another.
fn few_rooms() -> impl Strategy<Value = RoomName> {
    let letters = [["bB8ЬВ", "oO0оО", "bBЬВ"], ["cCсС", "oO0оО", "cCсС"], ["aAаА", "lI1іІ", "iIіІ1"]];
    let mut names = Vec::new();
    for [first, second, third] in letters {
        for (a, b) in first.chars().flat_map(|a| second.chars().map(move |b| (a, b))) {
            names.extend(third.chars().filter_map(|c| RoomName::new(&String::from_iter([a, b, c])).ok()));
        }
    }
    prop::sample::select(names)
}

proptest! {
    #[test]
    fn whatever_comes_is_a_name_or_a_harmless_sentence(input in nearly_names()) {
        match Alias::new(&input) {
            Ok(alias) => {
                let name = alias.as_str();
                prop_assert_eq!(Alias::new(name), Ok(alias.clone()));
                prop_assert_eq!(RoomName::new(name).map(|room| room.to_string()), Ok(name.to_owned()));
                prop_assert!(is_nfc(name) && (1..=MAX_CHARS).contains(&name.chars().count()));
                prop_assert!(name.chars().all(|c| "_-.".contains(c) || matches!(
                    c.general_category_group(),
                    GeneralCategoryGroup::Letter | GeneralCategoryGroup::Mark | GeneralCategoryGroup::Number
                )));
                prop_assert_eq!(crate::clean::clean_line(name), name);
                prop_assert!(alias.key().is_same(&alias.key(), false));
                let folded = alias.key().folded().to_owned();
                let again = NameKey::of(&folded);
 prop_assert_eq!(again.folded(), folded.as_str());
            }
            Err(error) => {
                let says = error.to_string();
                prop_assert_eq!(crate::clean::clean_line(&says), says.as_str());
                prop_assert!(!says.ends_with('.'));
            }
        }
    }

    #[test]
    fn sameness_is_symmetric(one in few_rooms(), other in few_rooms(), protected: bool) {
        let (one, other) = (one.key(), other.key());
        prop_assert_eq!(one.is_same(&other, protected), other.is_same(&one, protected));
        prop_assert!(one.is_same(&other, true) || !one.is_same(&other, false));
    }

    /// The map against a scan of all its entries.
    #[test]
    fn a_map_agrees_with_looking_at_every_entry(
        steps in prop::collection::vec((few_rooms(), any::<bool>(), 0..5), 1..60)
    ) {
        let mut map = NameMap::new();
        let mut all: Vec<(RoomName, bool)> = Vec::new();
        for (name, protected, action) in steps {
            let key = name.key();
            let here = all.iter().position(|(other, _)| other.key().folded() == key.folded());
            let same: BTreeSet<&str> = all
                .iter()
                .filter(|(other, theirs)| key.is_same(&other.key(), protected || *theirs))
                .map(|(other, _)| other.as_str())
                .collect();
            let found: Vec<&str> = map.conflicts(&key, protected).map(|(name, ())| name).collect();
            prop_assert_eq!(found.len(), same.len());
            prop_assert_eq!(BTreeSet::from_iter(found), same.clone());
            match (action, here) {
                (0, _) => {
                    prop_assert_eq!(map.remove(&key).is_some(), here.is_some());
                    if let Some(at) = here {
 all.remove(at);
 }
                }
                (1, _) => {
                    prop_assert_eq!(map.set_protected(&key, protected), here.is_some());
                    if let Some(at) = here {
 all[at].1 = protected;
 }
                }
                (2, None) => {
                    prop_assert_eq!(map.restore(name.clone(), key, protected, ()), Ok(()));
                    all.push((name, protected));
                }
                _ => {
                    let free = same.is_empty();
                    prop_assert_eq!(map.insert(name.clone(), key, protected, ()).is_ok(), free);
                    if free {
                        all.push((name, protected));
                    }
                }
            }
            prop_assert_eq!(map.len(), all.len());
        }
    }
}
