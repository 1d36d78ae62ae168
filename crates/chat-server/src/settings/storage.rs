//! Where messages are kept, and for how long.

use std::path::PathBuf;

use chat_protocol::names::RoomName;
use chat_server::log::{Durable, Selection};

use super::units::{duration, moment, size};
use crate::args::Args;

/// # Errors
///
/// One sentence that names the flag and the value; so for those that follow.
pub(crate) fn durable(args: &Args) -> Result<Durable, String> {
    let mut durable = Durable::new(data_folder(args)?);
    durable.min_free = min_free(args)?.unwrap_or(durable.min_free);
    let keep = &mut durable.keep;
    keep.age =
        args.keep.as_ref().map(|text| duration(text).map_err(|why| format!("--keep {text:?}: {why}"))).transpose()?;
    keep.bytes = args
        .keep_size
        .as_ref()
        .map(|text| size(text).map_err(|why| format!("--keep-size {text:?}: {why}")))
        .transpose()?;
    keep.messages = args.keep_messages;
    if keep.messages == Some(0) {
        return Err("--keep-messages 0: it has to be 1 or more; --ephemeral keeps nothing on disk".to_owned());
    }
    Ok(durable)
}

/// Nothing is on disk: what is said about that has to make sense all the same, and rules for keeping can't be kept.
pub(crate) fn ephemeral(args: &Args) -> Result<(), String> {
    let rules = [
        ("keep", args.keep.is_some()),
        ("keep-messages", args.keep_messages.is_some()),
        ("keep-size", args.keep_size.is_some()),
    ];
    if let Some((flag, _)) = rules.into_iter().find(|(_, is_given)| *is_given) {
        let why = "needs --data, and --ephemeral keeps nothing on disk: leave one of the two out";
        return Err(format!("--{flag} {why}"));
    }
    min_free(args).map(|_| ())
}

fn min_free(args: &Args) -> Result<Option<u64>, String> {
    let parse = |text: &String| size(text).map_err(|why| format!("--min-free {text:?}: {why}"));
    args.min_free.as_ref().map(parse).transpose()
}

/// The folder that was named, or `chat-server` in the platform's folder for data of programs.
pub(crate) fn data_folder(args: &Args) -> Result<PathBuf, String> {
    if let Some(data) = &args.data {
        return Ok(data.clone());
    }
    let from = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = |rest: &str| from("HOME").map(|home| home.join(rest));
    let base = if cfg!(windows) {
        from("LOCALAPPDATA")
    } else if cfg!(target_os = "macos") {
        home("Library/Application Support")
    } else {
        from("XDG_DATA_HOME").or_else(|| home(".local/share"))
    };
    base.map(|base| base.join("chat-server")).ok_or_else(|| {
        "there is no home folder to keep messages in; name a folder with --data DIR, or keep nothing on disk with --ephemeral"
            .to_owned()
    })
}

/// Where people start unless the operator says otherwise.
const LOBBY: &str = "lobby";

/// The room that everybody starts in.
pub(crate) fn lobby(args: &Args) -> Result<RoomName, String> {
    let name = args.lobby.as_deref().unwrap_or(LOBBY);
    let lobby = RoomName::new(name).map_err(|error| format!("--lobby {name:?}: {error}"))?;
    if lobby.is_conversation() {
        return Err(format!("--lobby {name:?}: a private conversation is nobody's lobby; give a room's name"));
    }
    Ok(lobby)
}

/// What is to be written out.
pub(crate) fn selection(room: Option<&str>, since: Option<&str>) -> Result<Selection, String> {
    let mut selection = Selection::default();
    selection.room =
        room.map(|name| RoomName::new(name).map_err(|error| format!("--room {name:?}: {error}"))).transpose()?;
    selection.since = since.map(|text| moment(text).map_err(|why| format!("--since {text:?}: {why}"))).transpose()?;
    Ok(selection)
}
