//! What a person chose, kept in a TOML file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use etcetera::base_strategy::{BaseStrategy as _, choose_base_strategy};
use serde::{Deserialize, Serialize};

use crate::config::without_number;

/// Rooms with settings of their own, and servers, that are kept.
const MOST_ROOMS: usize = 200;
const MOST_SERVERS: usize = 20;

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
    /// Whether the mouse's wheel scrolls; the terminal's own selecting then needs its modifier key.
    pub(crate) mouse: Plain,
    /// Line mode instead of the full screen.
    pub(crate) plain: Plain,
    /// The last alias.
    pub(crate) alias: String,
    /// Those whose words aren't shown.
    pub(crate) ignored: Vec<String>,
    /// What is otherwise in single rooms, by server and room.
    pub(crate) rooms: BTreeMap<String, Alarms>,
    /// The servers that let us in, the last one first.
    pub(crate) servers: Vec<Server>,
}

/// What is otherwise in a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Alarms {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bell: Option<Alarm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) notify: Option<Alarm>,
}

/// A server that let us in, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Server {
    pub(crate) address: String,
    /// By the name that we had there.
    pub(crate) alias: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) tls: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ca: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fingerprint: Option<String>,
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
    pub(crate) const NAMES: &[&str] = &["theme", "time", "bell", "notify", "joins", "mouse", "plain"];

    /// For what the bell rings and a notice is shown in a room.
    pub(crate) fn alarms(&self, place: &str) -> (Alarm, Alarm) {
        let room = self.rooms.get(place).copied().unwrap_or_default();
        (room.bell.unwrap_or(self.bell), room.notify.unwrap_or(self.notify))
    }

    /// Carries out `/set NAME VALUE here`; `default` is what holds elsewhere.
    ///
    /// # Errors
    ///
    /// A sentence that says what may stand there.
    pub(crate) fn set_here(&mut self, place: &str, name: &str, value: &str) -> Result<(), String> {
        if !["bell", "notify"].contains(&name) {
            return Err("only bell and notify can be otherwise here".to_owned());
        }
        let alarm = match Alarm::from_word(value) {
            None if value != "default" => {
                return Err(format!("/set {name} {value} here: it takes one of: {}, default", Alarm::WORDS.join(", ")));
            }
            alarm => alarm,
        };
        if !self.rooms.contains_key(place) && self.rooms.len() >= MOST_ROOMS {
            return Err(format!("{MOST_ROOMS} rooms have settings of their own already"));
        }
        let room = self.rooms.entry(place.to_owned()).or_default();
        match name {
            "bell" => room.bell = alarm,
            "notify" => room.notify = alarm,
            _ => {}
        }
        self.rooms.retain(|_, room| *room != Alarms::default());
        Ok(())
    }

    /// Puts a server first; whether that changes anything.
    pub(crate) fn remember(&mut self, server: Server) -> bool {
        if self.servers.first() == Some(&server) {
            return false;
        }
        self.servers.retain(|known| known.address != server.address);
        self.servers.insert(0, server);
        self.servers.truncate(MOST_SERVERS);
        true
    }

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
            // Another window may keep its own in this moment.
            let beside = path.with_extension(format!("toml.{}.new", std::process::id()));
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
            "mouse" => self.mouse = Plain::from_word(value).ok_or_else(|| wrong(Plain::WORDS))?,
            "plain" => self.plain = Plain::from_word(value).ok_or_else(|| wrong(Plain::WORDS))?,
            _ => return Err(format!("/set knows {}", Self::NAMES.join(", "))),
        }
        Ok(())
    }

    /// The settings in a line.
    pub(crate) fn shown(&self) -> String {
        format!(
            "theme {}, time {}, bell {}, notify {}, joins {}, mouse {}, plain {}",
            self.theme.word(),
            self.time.word(),
            self.bell.word(),
            self.notify.word(),
            self.joins.word(),
            self.mouse.word(),
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
        settings.set_here("chat.example:1 #ops", "bell", "off").unwrap();
        let server = |alias: &str| Server {
            address: "chat.example:1".to_owned(),
            alias: alias.to_owned(),
            tls: true,
            ca: None,
            fingerprint: None,
        };
        assert!(settings.remember(server("alice")) && !settings.remember(server("alice")));
        assert!(settings.remember(server("al")));
        assert_eq!(settings.servers, [server("al")]);
        settings.save(&path).unwrap();
        assert_eq!(Settings::load(&path).unwrap(), settings);
    }

    #[test]
    fn a_room_has_alarms_of_its_own_until_they_are_the_default_again() {
        let mut settings = Settings::default();
        settings.set("bell", "all").unwrap();
        settings.set_here("x", "bell", "off").unwrap();
        assert_eq!(settings.alarms("x"), (Alarm::Off, Alarm::Off));
        assert_eq!(settings.alarms("y"), (Alarm::All, Alarm::Off));
        settings.set_here("x", "bell", "default").unwrap();
        assert!(settings.rooms.is_empty());
        assert!(settings.set_here("x", "theme", "off").is_err());
        assert!(settings.set_here("x", "bell", "loud").unwrap_err().contains("default"));
        assert!(settings.rooms.is_empty());
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
