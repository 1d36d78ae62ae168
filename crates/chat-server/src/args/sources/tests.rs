use super::*;
use crate::settings::Settings;

/// A configuration file that is gone after the test.
struct File(PathBuf);

impl File {
    fn new(contents: &str) -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("chat-args-{}-{}.toml", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, contents).unwrap();
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn parse(words: &[&str], variables: &[(&str, &str)], file: Option<&File>) -> Result<Typed, String> {
    let mut words: Vec<OsString> =
        std::iter::once("chat-server").chain(words.iter().copied()).map(OsString::from).collect();
    if let Some(file) = file {
        words.extend(["--config".into(), file.0.clone().into_os_string()]);
    }
    let variable =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
    Typed::parse(words, &variable).map_err(|problem| match problem {
        Problem::CommandLine(error) => error.to_string(),
        Problem::Sentence(sentence) => match file {
            Some(file) => sentence.replace(&file.0.display().to_string(), "FILE"),
            None => sentence,
        },
    })
}

fn setting(typed: &Typed, key: &str) -> (Vec<String>, String) {
    let setting = typed.settings.iter().find(|setting| setting.key == key).unwrap();
    let source = match &setting.source {
        Source::File { line, .. } => format!("line {line}"),
        source => source.to_string(),
    };
    (setting.values.clone(), source)
}

#[test]
fn the_definition_is_sound_and_every_flag_has_its_variable() {
    command().debug_assert();
    for arg in command().get_arguments().filter(|arg| arg.get_long().is_some()) {
        let expected = variable_of(arg.get_long().unwrap());
        assert_eq!(arg.get_env().and_then(|name| name.to_str()), Some(expected.as_str()));
    }
    // What the environment and the file are read by looks for a flag's field under its name.
    for key in keys() {
        assert!(Args::command().get_arguments().any(|arg| arg.get_id() == id(&key).as_str()), "{key}");
    }
}

#[test]
fn a_flag_goes_before_a_variable_and_that_before_the_file() {
    let file = File::new("max-text = 1000\nmax-line = 1001\n\nmax-lines = 12\n");
    let variables = [("CHAT_MAX_TEXT", "2000"), ("CHAT_MAX_LINE", "2001")];
    let typed = parse(&["--max-text", "3000"], &variables, Some(&file)).unwrap();
    assert_eq!((typed.args.max_text, typed.args.max_line, typed.args.max_lines), (Some(3000), Some(2001), Some(12)));
    assert_eq!(setting(&typed, "max-text"), (vec!["3000".to_owned()], "flag".to_owned()));
    assert_eq!(setting(&typed, "max-line"), (vec!["2001".to_owned()], "CHAT_MAX_LINE".to_owned()));
    assert_eq!(setting(&typed, "max-lines"), (vec!["12".to_owned()], "line 4".to_owned()));
    assert_eq!(setting(&typed, "lobby"), (vec![], "default".to_owned()));
    assert_eq!(typed.args.lobby, None);
}

#[test]
fn lists_and_switches_are_the_same_everywhere() {
    let two = ["127.0.0.1:1".parse().unwrap(), "[::1]:2".parse().unwrap()];
    let file = File::new("listen = [\"127.0.0.1:1\", \"[::1]:2\"]\nephemeral = true\n");
    let by_file = parse(&[], &[], Some(&file)).unwrap().args;
    let variables = [("CHAT_LISTEN", "127.0.0.1:1,[::1]:2"), ("CHAT_EPHEMERAL", "true")];
    let by_variable = parse(&[], &variables, None).unwrap().args;
    let by_flag = parse(&["--listen", "127.0.0.1:1", "--listen", "[::1]:2", "--ephemeral"], &[], None).unwrap().args;
    for args in [by_file, by_variable, by_flag] {
        assert_eq!(args.listen.as_deref(), Some(&two[..]));
        assert_eq!(args.ephemeral, Some(true));
    }
    let off = File::new("ephemeral = false\nlisten = []\n");
    let args = parse(&[], &[], Some(&off)).unwrap().args;
    assert_eq!((args.ephemeral, args.listen), (Some(false), None));
    assert_eq!(parse(&["--ephemeral"], &[], Some(&off)).unwrap().args.ephemeral, Some(true));
}

#[test]
fn a_file_that_is_wrong_is_told_by_its_line() {
    let cases = [
        ("max-txt = 5\n", "in FILE, line 1: there is no setting \"max-txt\"; did you mean \"max-text\"?"),
        ("\n# x\nconfig = \"other\"\n", "in FILE, line 3: there is no setting \"config\""),
        ("nonsense = 1", "in FILE, line 1: there is no setting \"nonsense\""),
        (
            "lobby = \"a\"\nmax-text = \"much\"\n",
            "in FILE, line 2: max-text: \"much\" won't do; write a whole number, such as 8192",
        ),
        ("max-text = -1\n", "in FILE, line 1: max-text: \"-1\" won't do; write a whole number, such as 8192"),
        ("max-text = [1, 2]\n", "in FILE, line 1: max-text: it takes one value"),
        ("max-text = 1.5\n", "in FILE, line 1: max-text: it takes a text, a number, true or false, or a list of them"),
        ("ephemeral = \"perhaps\"\n", "in FILE, line 1: ephemeral: \"perhaps\" won't do; write true or false"),
        ("log-format = \"xml\"\n", "in FILE, line 1: log-format: \"xml\" is none of text, json"),
        (
            "listen = [\"nowhere\"]\n",
            "in FILE, line 1: listen: \"nowhere\" is no address to listen at; \
             write IP:PORT, such as 127.0.0.1:5555, or 0.0.0.0:5555 for all",
        ),
        (
            "[lobby]\nname = \"x\"\n",
            "in FILE, line 1: lobby: it takes a text, a number, true or false, or a list of them",
        ),
        ("lobby = \"a\"\nlobby = \"b\"\n", "in FILE, line 2: duplicate key"),
    ];
    for (contents, expected) in cases {
        let error = parse(&[], &[], Some(&File::new(contents))).unwrap_err();
        assert_eq!(error, expected, "{contents}");
    }
    let missing = parse(&["--config", "/no/such/file"], &[], None).unwrap_err();
    assert!(missing.starts_with("can't read the configuration file /no/such/file: "), "{missing}");
}

#[test]
fn a_variable_that_is_wrong_is_named() {
    let check = |name, value, expected: &str| {
        assert_eq!(parse(&[], &[(name, value)], None).unwrap_err(), expected);
    };
    check("CHAT_MAX_TEXT", "much", "CHAT_MAX_TEXT=\"much\": \"much\" won't do; write a whole number, such as 8192");
    check("CHAT_LISTEN", "", "CHAT_LISTEN=\"\": it needs a value");
    check("CHAT_LOG_FORMAT", "xml", "CHAT_LOG_FORMAT=\"xml\": \"xml\" is none of text, json");
}

#[test]
fn a_flag_that_is_wrong_is_named_with_what_it_takes() {
    let check = |words: &[&str], expected: &str| {
        let words: Vec<_> = std::iter::once("chat-server").chain(words.iter().copied()).map(OsString::from).collect();
        match Typed::parse(words, &|_| None).unwrap_err() {
            Problem::CommandLine(error) => assert_eq!(crate::args::sentence(&error), expected),
            Problem::Sentence(sentence) => panic!("{sentence}"),
        }
    };
    check(&["--max-rate", "-1"], "--max-rate: \"-1\" won't do; write a whole number, such as 20");
    check(&["--max-text", "-1"], "--max-text: \"-1\" won't do; write a whole number, such as 8192");
    check(&["--max-connections=-3"], "--max-connections: \"-3\" won't do; write a whole number, such as 10000");
    check(&["--keep-messages", "1e3"], "--keep-messages: \"1e3\" won't do; write a whole number, such as 1000");
    check(&["--ephemeral=maybe"], "--ephemeral: \"maybe\" won't do; write true or false");
    check(&["--log-format", "xml"], "--log-format: \"xml\" is none of text, json");
    let address = "write IP:PORT, such as 127.0.0.1:5555, or 0.0.0.0:5555 for all";
    check(&["--listen", "localhst"], &format!("--listen: \"localhst\" is no address to listen at; {address}"));
    check(&["--metrics", "1"], &format!("--metrics: \"1\" is no address to listen at; {address}"));
}

#[test]
fn localhost_is_an_address() {
    let args = parse(&["--listen", "localhost:7"], &[], None).unwrap().args;
    assert_eq!(args.listen, Some(vec!["127.0.0.1:7".parse().unwrap()]));
    let settings = Settings::new(parse(&["--ephemeral", "--web", "localhost:8"], &[], None).unwrap().args).unwrap();
    assert_eq!(settings.server.web.unwrap().address, "127.0.0.1:8".parse().unwrap());
}

#[test]
fn what_is_not_kept_has_no_rules_for_keeping() {
    for (flag, value) in [("--keep", "x"), ("--keep", "5d"), ("--keep-size", "12XB"), ("--keep-messages", "10")] {
        let typed = parse(&["--ephemeral", flag, value], &[], None).unwrap();
        let sentence = Settings::new(typed.args).unwrap_err();
        let expected = format!("{flag} needs --data, and --ephemeral keeps nothing on disk: leave one of the two out");
        assert_eq!(sentence, expected);
    }
    let typed = parse(&["--ephemeral", "--min-free", "much"], &[], None).unwrap();
    assert_eq!(Settings::new(typed.args).unwrap_err(), "--min-free \"much\": it has to begin with a whole number");
}

#[test]
fn a_value_that_makes_no_sense_is_traced_to_its_source() {
    let file = File::new("\nmax-text = 0\n");
    let typed = parse(&[], &[], Some(&file)).unwrap();
    let sentence = Settings::new(typed.args.clone()).unwrap_err();
    let traced = typed.trace(sentence).replace(&file.0.display().to_string(), "FILE");
    assert_eq!(traced, "--max-text 0: it has to be from 1 to 20000 (set in FILE, line 2)");
    let typed = parse(&["--max-text", "0"], &[], None).unwrap();
    assert_eq!(typed.trace("--max-text 0: no".to_owned()), "--max-text 0: no");
}

/// The defaults in the help are what `config` shows, so each has to be what is in force.
#[test]
fn the_help_tells_the_defaults_that_are_in_force() {
    let folder = ["--data", "/nowhere"];
    let shown = |words: &[&str]| {
        let typed = parse(&[&folder[..], words].concat(), &[], None)?;
        Settings::new(typed.args).map(|settings| format!("{settings:?}"))
    };
    let bare = parse(&folder, &[], None).unwrap();
    let in_force = shown(&[]).unwrap();
    let mut compared = 0;
    for Setting { key, default, .. } in bare.settings {
        // An address of the page that was asked for has to be free, the default not.
        let Some(default) = default.filter(|default| !default.contains(' ') && key != "web") else { continue };
        if let Ok(explicit) = shown(&[&format!("--{key}"), &default]) {
            assert_eq!(explicit, in_force, "--{key} {default}");
            compared += 1;
        }
    }
    assert!(compared >= 11, "only {compared}");
}
