//! Where a setting comes from: a flag goes before an environment variable, that before the configuration file, that before the default.
//!
//! All are read by way of the flags' one definition: what the file and the environment hold becomes the flag's default before
//! the command line is parsed. So a flag that is declared is a variable and a key as well, of the same type.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::builder::{OsStr, Resettable};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{CommandFactory as _, FromArgMatches as _};

use super::Args;

/// All that was typed, here and in the file.
#[derive(Debug)]
pub(crate) struct Typed {
    pub(crate) args: Args,
    /// Every setting, in the order of the flags.
    pub(crate) settings: Vec<Setting>,
}

/// One setting as it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) key: String,
    /// Empty where the default is in force.
    pub(crate) values: Vec<String>,
    pub(crate) source: Source,
    /// What its help says of the default.
    pub(crate) default: Option<String>,
}

/// Where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Flag,
    Environment(String),
    File { path: PathBuf, line: usize },
    Default,
}

/// Why nothing can be begun.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The command line is wrong, or asks for help.
    CommandLine(clap::Error),
    /// One sentence about something else.
    Sentence(String),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Flag => f.write_str("flag"),
            Self::Environment(name) => f.write_str(name),
            Self::File { path, line } => write!(f, "{}, line {line}", path.display()),
            Self::Default => f.write_str("default"),
        }
    }
}

/// The values that stand for a flag that isn't typed.
type Given = BTreeMap<String, (Vec<String>, Source)>;

impl Typed {
    /// Reads the command line, the environment and the file that they name.
    pub(crate) fn read() -> Result<Self, Problem> {
        Self::parse(std::env::args_os().collect(), &|name| std::env::var_os(name))
    }

    pub(crate) fn parse(words: Vec<OsString>, variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, Problem> {
        let first = match bare_command().try_get_matches_from(&words) {
            Ok(matches) => matches,
            // Told by the full definition, which knows the variables' names.
            Err(error) => {
                return Err(Problem::CommandLine(command().try_get_matches_from(&words).err().unwrap_or(error)));
            }
        };
        let mut given = Given::new();
        let named = first.get_one::<PathBuf>("config").cloned();
        if let Some(path) = named.or_else(|| variable("CHAT_CONFIG").map(PathBuf::from)) {
            given.extend(file(&path).map_err(Problem::Sentence)?);
        }
        given.extend(environment(variable).map_err(Problem::Sentence)?);
        let matches = given
            .iter()
            .fold(bare_command(), |command, (key, (values, _))| {
                command.mut_arg(id(key), |arg| arg.default_values(values))
            })
            .try_get_matches_from(&words)
            .map_err(Problem::CommandLine)?;
        let args = Args::from_arg_matches(&matches).map_err(Problem::CommandLine)?;
        Ok(Self { args, settings: settings(&matches, &given) })
    }

    /// Completes a sentence about a flag by where its value comes from, if that isn't in sight.
    pub(crate) fn trace(&self, sentence: String) -> String {
        let flag = sentence.split([' ', ',', ':']).next().and_then(|word| word.strip_prefix("--"));
        match self.settings.iter().find(|setting| Some(setting.key.as_str()) == flag).map(|setting| &setting.source) {
            Some(source @ (Source::Environment(_) | Source::File { .. })) => format!("{sentence} (set in {source})"),
            _ => sentence,
        }
    }
}

/// What the flags with these values take may begin with a `-`, so that who types -1 hears of the flag.
const NUMBERS: [&str; 4] = ["N", "BYTES", "SIZE", "TIME"];

/// The definition, with a variable for each flag.
pub(crate) fn command() -> clap::Command {
    definition().mut_args(|arg| match arg.get_long().map(variable_of) {
        Some(variable) => arg.env(OsStr::from(variable)).hide_env_values(true),
        None => arg,
    })
}

/// The definition, looking at nothing but the words it is given.
fn bare_command() -> clap::Command {
    definition().mut_args(|arg| arg.env(Resettable::Reset))
}

fn definition() -> clap::Command {
    Args::command().mut_args(|arg| {
        let takes_number = NUMBERS.contains(&value_name(&arg));
        arg.allow_hyphen_values(takes_number)
    })
}

fn value_name(arg: &clap::Arg) -> &str {
    arg.get_value_names().and_then(|names| names.first()).map_or("", |name| name.as_str())
}

/// The flag whose value is wrong.
pub(super) fn key_of(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg) else { return None };
    let values = [ErrorKind::ValueValidation, ErrorKind::InvalidValue];
    let key = shown.strip_prefix("--").filter(|_| values.contains(&error.kind()))?;
    let key = key.split([' ', '=', '[']).next().unwrap_or(key);
    Args::command().get_arguments().any(|arg| arg.get_long() == Some(key)).then(|| key.to_owned())
}

fn variable_of(key: &str) -> String {
    format!("CHAT_{}", key.replace('-', "_").to_uppercase())
}

/// The name of a flag's field.
fn id(key: &str) -> String {
    key.replace('-', "_")
}

/// The flags that may stand in a file and in the environment.
fn keys() -> Vec<String> {
    let command = Args::command();
    let longs = command.get_arguments().filter_map(clap::Arg::get_long);
    longs.filter(|key| *key != "config").map(str::to_owned).collect()
}

fn environment(variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Given, String> {
    let mut given = Given::new();
    for key in keys() {
        let name = variable_of(&key);
        let Some(value) = variable(&name) else { continue };
        let value = value.into_string().map_err(|_| format!("{name} is not UTF-8"))?;
        check(&key, std::slice::from_ref(&value)).map_err(|why| format!("{name}={value:?}: {why}"))?;
        let values = if takes_several(&key) { value.split(',').map(str::to_owned).collect() } else { vec![value] };
        given.insert(key, (values, Source::Environment(name)));
    }
    Ok(given)
}

fn takes_several(key: &str) -> bool {
    let command = Args::command();
    command.get_arguments().any(|arg| arg.get_long() == Some(key) && arg.get_value_delimiter().is_some())
}

fn file(path: &Path) -> Result<Given, String> {
    let shown = path.display();
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("can't read the configuration file {shown}: {error}"))?;
    let line = |at: usize| text[..at.min(text.len())].matches('\n').count() + 1;
    let broken = |error: toml::de::Error| {
        let line = error.span().map_or(1, |span| line(span.start));
        format!("in {shown}, line {line}: {}", error.message())
    };
    let places = toml::de::DeTable::parse(&text).map_err(broken)?;
    let table: toml::Table = toml::from_str(&text).map_err(broken)?;
    let mut given = Given::new();
    for (key, _) in places.get_ref() {
        let line = line(key.span().start);
        let (key, value) = (key.get_ref().to_string(), table.get(key.get_ref().as_ref()));
        let wrong = |why: String| format!("in {shown}, line {line}: {key}: {why}");
        if !keys().contains(&key) {
            return Err(format!("in {shown}, line {line}: there is no setting {key:?}{}", suggestion(&key)));
        }
        let Some(values) = value.and_then(values) else {
            return Err(wrong("it takes a text, a number, true or false, or a list of them".to_owned()));
        };
        check(&key, &values).map_err(wrong)?;
        if !values.is_empty() {
            given.insert(key, (values, Source::File { path: path.to_owned(), line }));
        }
    }
    Ok(given)
}

/// A value of the file as it would be typed.
fn values(value: &toml::Value) -> Option<Vec<String>> {
    match value {
        toml::Value::String(text) => Some(vec![text.clone()]),
        toml::Value::Integer(number) => Some(vec![number.to_string()]),
        toml::Value::Boolean(truth) => Some(vec![truth.to_string()]),
        toml::Value::Array(list) if list.iter().all(|item| !item.is_array()) => {
            list.iter().map(values).collect::<Option<Vec<_>>>().map(|lists| lists.concat())
        }
        _ => None,
    }
}

/// Whether these may be the flag's values; if not, why.
fn check(key: &str, values: &[String]) -> Result<(), String> {
    let words = values.iter().map(|value| format!("--{key}={value}"));
    match bare_command().try_get_matches_from(std::iter::once("chat-server".to_owned()).chain(words)) {
        Ok(_) => Ok(()),
        Err(error) => Err(explain(&error)),
    }
}

/// What is wrong with a value, without the command line around it.
pub(super) fn explain(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::ArgumentConflict {
        return "it takes one value".to_owned();
    }
    let value = match error.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(value)) if value.is_empty() => return "it needs a value".to_owned(),
        Some(ContextValue::String(value)) => value.as_str(),
        _ => "this",
    };
    if let Some(ContextValue::Strings(possible)) = error.get(ContextKind::ValidValue) {
        return format!("{value:?} is none of {}", possible.join(", "));
    }
    let command = Args::command();
    let arg = key_of(error).and_then(|key| command.get_arguments().find(|arg| arg.get_long() == Some(&key)));
    match (arg.map(|arg| (value_name(arg), default_of(arg))), std::error::Error::source(error)) {
        // Its own words say what one looks like.
        (Some(("ADDR", _)), Some(why)) => why.to_string(),
        (Some(("N" | "BYTES", default)), _) => {
            let example = default.filter(|default| default.parse::<u64>().is_ok());
            format!("{value:?} won't do; write a whole number, such as {}", example.as_deref().unwrap_or("1000"))
        }
        // What remains are switches.
        _ => format!("{value:?} won't do; write true or false"),
    }
}

/// What its help says of the default.
fn default_of(arg: &clap::Arg) -> Option<String> {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    help.rsplit_once("[default: ").and_then(|(_, rest)| rest.strip_suffix(']')).map(str::to_owned)
}

fn suggestion(key: &str) -> String {
    let words = ["chat-server".to_owned(), format!("--{key}")];
    let error = bare_command().try_get_matches_from(words).err();
    match error.as_ref().and_then(|error| error.get(ContextKind::SuggestedArg)) {
        Some(ContextValue::String(flag)) => {
            let flag = flag.trim_start_matches("--").split([' ', '=']).next().unwrap_or_default().to_owned();
            format!("; did you mean {flag:?}?")
        }
        _ => String::new(),
    }
}

fn settings(matches: &clap::ArgMatches, given: &Given) -> Vec<Setting> {
    let command = Args::command();
    let setting = |arg: &clap::Arg| {
        let key = arg.get_long().filter(|key| keys().iter().any(|known| known == key))?.to_owned();
        let default = default_of(arg);
        let (values, source) = if matches.value_source(&id(&key)) == Some(ValueSource::CommandLine) {
            let raw = matches.get_raw(&id(&key)).into_iter().flatten();
            (raw.map(|value| value.to_string_lossy().into_owned()).collect(), Source::Flag)
        } else {
            given.get(&key).cloned().unwrap_or((Vec::new(), Source::Default))
        };
        Some(Setting { key, values, source, default })
    };
    command.get_arguments().filter_map(setting).collect()
}

#[cfg(test)]
mod tests;
