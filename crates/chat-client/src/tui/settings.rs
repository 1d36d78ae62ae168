//! What a person chose, kept in a TOML file.

use std::path::{Path, PathBuf};
use std::{fs, io};

use etcetera::base_strategy::{BaseStrategy as _, choose_base_strategy};
use serde::{Deserialize, Serialize};

use crate::config::without_number;

/// The file's name in the program's folder.
const FILE: &str = "client.toml";

/// Everything that `/set` changes, and what is kept beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Which colours.
    pub(crate) theme: Theme,
    /// How times are shown.
    pub(crate) time: Clock,
    /// For what the bell rings.
    pub(crate) bell: Alarm,
    /// For what the desktop shows a notice, where the terminal can.
    pub(crate) notify: Alarm,
    /// Whether those who come and go are shown.
    pub(crate) joins: Switch,
    /// Line mode instead of the full screen.
    pub(crate) plain: Plain,
    /// The last alias.
    pub(crate) alias: String,
    /// Those whose words aren't shown.
    pub(crate) ignored: Vec<String>,
}

macro_rules! choice {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ } default $default:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub(crate) enum $name { $(#[serde(rename = $word)] $variant),+ }

        impl Default for $name {
            fn default() -> Self {
                Self::$default
            }
        }

        impl $name {
            const WORDS: &[&str] = &[$($word),+];

            const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

choice!(/// `auto` is readable on dark and light ground.
    Theme { Auto = "auto", Dark = "dark", Light = "light", Mono = "mono" } default Auto);
choice!(/// How times are shown.
    Clock { Day = "24h", Half = "12h", Off = "off" } default Day);
choice!(/// `mentions` are private messages too.
    Alarm { Off = "off", Mentions = "mentions", All = "all" } default Off);
choice!(/// Shown or not.
    Switch { On = "on", Off = "off" } default On);
choice!(/// Chosen or not.
    Plain { On = "on", Off = "off" } default Off);

impl Settings {
    /// Names of what `/set` changes.
    pub(crate) const NAMES: &[&str] = &["theme", "time", "bell", "notify", "joins", "plain"];

    /// Reads the file; one that isn't there holds the defaults.
    ///
    /// # Errors
    ///
    /// A sentence that names the file and what is wrong in it.
    pub(crate) fn load(path: &Path) -> Result<Self, String> {
        match fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text).map_err(|error| format!("{}: {}", path.display(), error.message())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(format!("{}: {}", path.display(), without_number(&error))),
        }
    }

    /// Writes the file whole or not at all.
    ///
    /// # Errors
    ///
    /// A sentence that names the file.
    pub(crate) fn save(&self, path: &Path) -> Result<(), String> {
        let text = toml::to_string(self).map_err(|error| error.to_string())?;
        let write = || {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            let beside = path.with_extension("toml.new");
            fs::write(&beside, &text)?;
            fs::rename(&beside, path)
        };
        write().map_err(|error| {
            format!("the settings could not be kept in {}: {}", path.display(), without_number(&error))
        })
    }

    /// Carries out `/set NAME VALUE`.
    ///
    /// # Errors
    ///
    /// A sentence that says what may stand there.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let wrong = |words: &[&str]| format!("/set {name} takes one of: {}", words.join(", "));
        match name {
            "theme" => self.theme = Theme::from_word(value).ok_or_else(|| wrong(Theme::WORDS))?,
            "time" => self.time = Clock::from_word(value).ok_or_else(|| wrong(Clock::WORDS))?,
            "bell" => self.bell = Alarm::from_word(value).ok_or_else(|| wrong(Alarm::WORDS))?,
            "notify" => self.notify = Alarm::from_word(value).ok_or_else(|| wrong(Alarm::WORDS))?,
            "joins" => self.joins = Switch::from_word(value).ok_or_else(|| wrong(Switch::WORDS))?,
            "plain" => self.plain = Plain::from_word(value).ok_or_else(|| wrong(Plain::WORDS))?,
            _ => return Err(format!("/set knows {}", Self::NAMES.join(", "))),
        }
        Ok(())
    }

    /// The settings in a line.
    pub(crate) fn shown(&self) -> String {
        format!(
            "theme {}, time {}, bell {}, notify {}, joins {}, plain {}",
            self.theme.word(),
            self.time.word(),
            self.bell.word(),
            self.notify.word(),
            self.joins.word(),
            self.plain.word()
        )
    }
}

/// Where the file is: in the platform's folder for what a person configured.
pub(crate) fn path() -> Option<PathBuf> {
    Some(choose_base_strategy().ok()?.config_dir().join("chat-client").join(FILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_set_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join(FILE);
        let mut settings = Settings::load(&path).unwrap();
        assert_eq!(settings, Settings::default());
        settings.set("bell", "mentions").unwrap();
        settings.set("time", "12h").unwrap();
        settings.ignored.push("bob".to_owned());
        settings.save(&path).unwrap();
        assert_eq!(Settings::load(&path).unwrap(), settings);
    }

    #[test]
    fn what_makes_no_sense_is_told_and_changes_nothing() {
        let mut settings = Settings::default();
        assert_eq!(settings.set("bell", "loud").unwrap_err(), "/set bell takes one of: off, mentions, all");
        assert!(settings.set("colour", "red").unwrap_err().starts_with("/set knows theme"));
        assert_eq!(settings, Settings::default());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        fs::write(&path, "bel = \"off\"\n").unwrap();
        let error = Settings::load(&path).unwrap_err();
        assert!(error.contains("client.toml") && error.contains("bel"), "{error}");
    }
}
