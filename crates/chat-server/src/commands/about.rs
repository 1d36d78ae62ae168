//! What the program tells about itself: its settings, completions for shells, its manual page.

use std::fmt::Write as _;
use std::io;

use clap_complete::Shell;

use super::Failed;
use crate::args::{Typed, command};
use crate::settings::{Settings, data_folder};

/// Says whether a server could start with these settings, as far as that can be told without starting it.
pub(super) fn check_config(typed: &Typed) -> Result<(), Failed> {
    let settings = Settings::new(typed.args.clone()).map_err(|sentence| Failed::at_start(typed.trace(sentence)))?;
    if let Some(tls) = &settings.server.tls {
        tls.check().map_err(|error| Failed::at_start(error.to_string()))?;
    }
    print("the configuration makes sense\n")
}

/// Prints every setting as it is in force, as a file that would set it.
pub(super) fn config(typed: &Typed) -> Result<(), Failed> {
    Settings::new(typed.args.clone()).map_err(|sentence| Failed::at_start(typed.trace(sentence)))?;
    print(&listing(typed))
}

pub(super) fn completions(shell: Shell) -> Result<(), Failed> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "chat-server", &mut script);
    print(&String::from_utf8_lossy(&script))
}

pub(super) fn manual() -> Result<(), Failed> {
    let mut page = Vec::new();
    let rendered = clap_mangen::Man::new(command()).render(&mut page);
    rendered.map_err(|error| Failed { sentence: error.to_string(), code: 1 })?;
    print(&String::from_utf8_lossy(&page))
}

fn listing(typed: &Typed) -> String {
    let mut lines = Vec::new();
    for setting in &typed.settings {
        let values = match &setting.default {
            _ if !setting.values.is_empty() => Some(setting.values.clone()),
            _ if setting.key == "data" => data_folder(&typed.args).ok().map(|path| vec![path.display().to_string()]),
            Some(default) if is_value(typed, &setting.key, default) => Some(vec![default.clone()]),
            _ => None,
        };
        let line = match values {
            Some(values) => format!("{} = {}", setting.key, toml_value(&values)),
            None => format!("# {}: {}", setting.key, setting.default.as_deref().unwrap_or("off")),
        };
        lines.push((line, &setting.source));
    }
    let width = lines.iter().map(|(line, _)| line.chars().count()).filter(|width| *width <= 60).max().unwrap_or(0);
    lines.iter().fold(String::new(), |mut text, (line, source)| {
        let _ = writeln!(text, "{line:width$}  # {source}");
        text
    })
}

/// Whether a default as the help tells it is one that could be typed, and not words about it.
fn is_value(typed: &Typed, key: &str, default: &str) -> bool {
    let words = ["chat-server".into(), format!("--{key}={default}").into()];
    let data = typed.args.data.clone().unwrap_or_else(|| "data".into());
    !default.contains(' ')
        && Typed::parse(words.to_vec(), &|_| None).is_ok_and(|mut typed| {
            typed.args.data = Some(data);
            Settings::new(typed.args).is_ok()
        })
}

fn toml_value(values: &[String]) -> String {
    let is_bare = |value: &str| value.parse::<i64>().is_ok() || value.parse::<bool>().is_ok();
    // A text of JSON is one of TOML.
    let one = |value: &String| if is_bare(value) { value.clone() } else { serde_json::json!(value).to_string() };
    match values {
        [value] => one(value),
        values => format!("[{}]", values.iter().map(one).collect::<Vec<_>>().join(", ")),
    }
}

pub(super) fn print(text: &str) -> Result<(), Failed> {
    use io::Write as _;
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever reads no more, such as `head`, has what he wanted.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failed { sentence: format!("can't write to standard output: {error}"), code: 1 })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_listing_is_a_file_that_sets_the_same() {
        let words =
            ["chat-server", "--data", "/nowhere", "--listen", "127.0.0.1:1", "--listen", "[::1]:2", "--max-text=5"];
        let typed = Typed::parse(words.map(Into::into).to_vec(), &|name| (name == "CHAT_LOBBY").then(|| "café".into()));
        let typed = typed.unwrap();
        let listing = listing(&typed);
        for line in
            ["max-text = 5 ", "lobby = \"café\" ", "listen = [\"127.0.0.1:1\", \"[::1]:2\"] ", "max-line = 32768 "]
        {
            assert!(listing.lines().any(|shown| shown.starts_with(line)), "{line}: {listing}");
        }
        for source in ["# flag", "# CHAT_LOBBY", "# default"] {
            assert!(listing.lines().any(|shown| shown.ends_with(source)), "{source}: {listing}");
        }
        let path = std::env::temp_dir().join(format!("chat-listing-{}.toml", std::process::id()));
        std::fs::write(&path, &listing).unwrap();
        let again = ["chat-server".into(), "--config".into(), path.clone().into_os_string()];
        let again = Typed::parse(again.to_vec(), &|_| None);
        std::fs::remove_file(&path).unwrap();
        let (before, after) = (Settings::new(typed.args).unwrap(), Settings::new(again.unwrap().args).unwrap());
        // That the page's address was left to us is all that a file can't say.
        let shown = |settings: &Settings| format!("{settings:?}").replace("optional: true", "optional: false");
        assert_eq!(shown(&after), shown(&before));
    }

    #[test]
    fn completions_and_manual_know_every_flag() {
        let mut script = Vec::new();
        clap_complete::generate(Shell::Bash, &mut command(), "chat-server", &mut script);
        let script = String::from_utf8(script).unwrap();
        let mut page = Vec::new();
        clap_mangen::Man::new(command()).render(&mut page).unwrap();
        let page = String::from_utf8(page).unwrap().replace("\\-", "-");
        for flag in ["--max-text", "--tls-self-signed", "--config"] {
            assert!(script.contains(flag) && page.contains(flag), "{flag}");
        }
    }
}
