//! The line above the input: how we stand, and what is not as usual.

use chat_protocol::clean::clean_line;

use super::counts;
use crate::tui::room::{Fate, Older, Scroll};
use crate::tui::state::{Link, Phase, State};

/// What stands there, the most urgent first.
pub(super) fn parts(state: &State) -> Vec<String> {
    let mut parts = Vec::new();
    parts.extend(link(state));
    parts.extend(state.expected.as_ref().map(|room| format!("on the way to {}", room.shown())));
    parts.extend(state.only_to().map(|name| format!("only {} will see this", clean_line(&name))));
    if let Some((words, _)) = &state.found {
        parts.push(format!("\"{}\": ^S older, Alt-S newer, Esc ends", clean_line(words)));
    }
    parts.extend(fates(state));
    parts.extend(reading(state));
    // Where the rooms have no place of their own, those with something new are told here.
    if state.areas().rooms.width == 0 {
        let others = state.rooms.iter().enumerate().filter(|(i, room)| *i != state.current && room.unread > 0);
        parts.extend(others.map(|(_, room)| format!("{}{}", room.title(), counts(room))));
    }
    if state.link == Link::Online {
        parts.push(format!("{} connected", state.look.me));
        parts.push("F1 help".to_owned());
    }
    parts
}

fn link(state: &State) -> Option<String> {
    match &state.link {
        Link::Connecting => Some("connecting".to_owned()),
        Link::Online => (state.phase == Phase::Leaving).then(|| "leaving".to_owned()),
        Link::Waiting { until, why } => {
            let seconds = until.duration_since(state.look.now).as_secs_f64().max(0.0).ceil();
            let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
            Some(format!("reconnecting in {seconds} s{why}"))
        }
    }
}

/// Lines that aren't stored.
fn fates(state: &State) -> impl Iterator<Item = String> {
    let unsent = state.unsent();
    let unsent = (unsent > 0 && state.link != Link::Online).then(|| format!("{unsent} unsent"));
    let failed = state.rooms.iter().flat_map(|room| &room.outgoing).filter(|out| matches!(out.fate, Fate::Failed(_)));
    let failed = failed.count();
    unsent.into_iter().chain((failed > 0).then(|| format!("{failed} failed")))
}

/// That the end of the conversation isn't shown.
fn reading(state: &State) -> Option<String> {
    let room = state.shown().filter(|room| state.pane.is_none() && room.scroll != Scroll::Follow)?;
    let more = if room.unread > 0 { format!(", {} new below", room.unread) } else { String::new() };
    let what = if room.older == Older::Asked { "reading older messages" } else { "reading back" };
    Some(format!("{what}{more}: End returns"))
}
