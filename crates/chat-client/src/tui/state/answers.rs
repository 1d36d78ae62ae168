//! What became of what was asked for.

use chat_client::{Ack, Cause, Page, PrivateAck, RequestError, Settled};
use chat_protocol::clean::clean_line;
use chat_protocol::names::RoomName;
use chat_protocol::value::Text;

use super::{State, mentions};
use crate::tui::effect::Answer;
use crate::tui::room::{Entry, Fate, Older, Place, Room, What};

/// Lines of an answer that stand in the conversation; more are read in a pane.
const MOST_NOTICES: usize = 3;

impl State {
    pub(crate) fn answer(&mut self, answer: Answer) {
        match answer {
            Answer::Posted { number, result } => self.posted(number, result),
            Answer::Whispered { number, result } => self.whispered(number, result),
            Answer::Settled { number, result: Ok(Settled::Said(ack)) } => self.posted(number, Ok(ack)),
            Answer::Settled { number, result: Ok(Settled::Private(ack)) } => self.whispered(number, Ok(ack)),
            Answer::Settled { number, result: Err(error) } => self.posted(number, Err(error)),
            Answer::Settled { .. } => {}
            Answer::Older { room, result } => self.older(&room, result),
            Answer::Found { query, result } => self.found(&query, result),
            Answer::Who(Ok(page)) => {
                let names: Vec<_> = page.members.iter().map(ToString::to_string).collect();
                let more = if page.more { ", …" } else { "" };
                self.notice(format!("{} in #{}: {}{more}", page.count, page.room, names.join(", ")));
            }
            Answer::Rooms(Ok(list)) => {
                let mut lines = Vec::new();
                for room in &list.rooms {
                    lines.push(
                        format!("#{} ({}) {}", room.room, room.count, clean_line(&room.topic)).trim_end().to_owned(),
                    );
                }
                lines.extend(list.more.then(|| "and more rooms".to_owned()));
                self.show("Rooms", lines.into_iter().map(What::Notice));
            }
            Answer::Left { room, result: Ok(()) } => {
                if let Some(index) = self.room_index(&room) {
                    self.remove(index);
                }
            }
            Answer::Lines(Ok(lines)) if lines.len() > MOST_NOTICES => {
                self.show("Answer", lines.into_iter().map(What::Notice));
            }
            Answer::Lines(Ok(lines)) => lines.into_iter().for_each(|line| self.notice(line)),
            Answer::Saved(Err(words)) => self.error(words),
            Answer::Joined(Err(error)) => {
                self.stay();
                self.error(error.to_string());
            }
            Answer::Who(Err(error))
            | Answer::Rooms(Err(error))
            | Answer::Left { result: Err(error), .. }
            | Answer::Lines(Err(error))
            | Answer::Done(Err(error)) => self.error(error.to_string()),
            Answer::Joined(Ok(())) | Answer::Done(Ok(())) | Answer::Saved(Ok(())) => {}
        }
    }

    /// Shows answers in a pane instead of the conversation.
    pub(super) fn show(&mut self, title: &str, lines: impl IntoIterator<Item = What>) {
        let now = self.now();
        let mut pane = Room::new(Place::Pane(title.to_owned()));
        lines.into_iter().for_each(|what| pane.push(now, what));
        self.pane = Some(pane);
    }

    fn posted(&mut self, number: u64, result: Result<Ack, RequestError>) {
        let keeps = self.keeps;
        let Some((index, at)) = self.outgoing(number) else {
            // The room that it was said in is gone from here.
            return if let Err(error) = result {
                self.error(format!("a line was not stored: {}", why(&error)))
            };
        };
        let Some(room) = self.rooms.get_mut(index) else { return };
        match result {
            Ok(ack) if room.has(ack.seq) => {
                room.outgoing.remove(at);
            }
            Ok(ack) => room.outgoing[at].fate = Fate::Stored(ack.seq),
            Err(error) => room.outgoing[at].fate = failed(&error, keeps),
        }
    }

    fn whispered(&mut self, number: u64, result: Result<PrivateAck, RequestError>) {
        let (me, keeps) = (self.look.me.clone(), self.keeps);
        let Some((index, at)) = self.outgoing(number) else { return };
        let Some(room) = self.rooms.get_mut(index) else { return };
        match result {
            Ok(PrivateAck { to, kept: Some((name, seq)), .. }) => {
                room.place = Place::Person(to.to_string());
                room.kept = Some(name);
                if room.has(seq) {
                    room.outgoing.remove(at);
                } else {
                    room.outgoing[at].fate = Fate::Stored(seq);
                }
            }
            Ok(ack) => {
                let out = room.outgoing.remove(at);
                room.place = Place::Person(ack.to.to_string());
                if let Ok(from) = me.parse() {
                    let text = Text::new(&out.text);
                    room.push(ack.time, What::Said { from, text, kind: out.kind, seq: None, mention: false });
                }
            }
            Err(error) => room.outgoing[at].fate = failed(&error, keeps),
        }
    }

    fn outgoing(&self, number: u64) -> Option<(usize, usize)> {
        self.rooms
            .iter()
            .enumerate()
            .find_map(|(index, room)| Some((index, room.outgoing.iter().position(|out| out.number == number)?)))
    }

    fn older(&mut self, name: &RoomName, result: Result<Page, RequestError>) {
        let (now, me) = (self.now(), self.look.me.clone());
        let Some(room) = self.room_mut(name) else { return };
        let page = match result {
            Ok(page) => page,
            Err(error) => {
                room.older = Older::There;
                return room.push(now, What::Error(error.to_string()));
            }
        };
        let before = room.oldest();
        let fresh = page.messages.into_iter().filter(|message| before.is_none_or(|before| message.stored.seq < before));
        let mut entries: Vec<_> = fresh
            .map(|message| {
                let mention = !message.own && mentions(message.stored.text.as_str(), &me);
                Entry::said(message.stored, mention)
            })
            .collect();
        let lost = page.gaps.iter().fold(0, |lost: u64, (from, to)| lost.saturating_add(from.count_to(*to)));
        if lost > 0 {
            let time = entries.first().map_or(now, |entry| entry.time);
            entries.insert(0, Entry { time, what: What::Notice(format!("{lost} messages can't be had any more")) });
        }
        room.older = if page.more && lost == 0 && !entries.is_empty() { Older::There } else { Older::None };
        room.prepend(entries);
    }

    fn found(&mut self, query: &str, result: Result<Page, RequestError>) {
        let page = match result {
            Ok(page) => page,
            Err(error) => return self.error(error.to_string()),
        };
        let now = self.now();
        let query = clean_line(query);
        let mut pane = Room::new(Place::Pane(format!("Search: {query}")));
        if page.messages.is_empty() {
            pane.push(now, What::Notice(format!("nothing found for \"{query}\"")));
        }
        if page.more {
            pane.push(now, What::Notice("there is more; these are the newest".to_owned()));
        }
        let own = self.look.me.clone();
        for message in page.messages.into_iter().rev() {
            let mention = mentions(message.stored.text.as_str(), &own);
            let Entry { time, what } = Entry::said(message.stored, mention);
            pane.push(time, what);
        }
        self.pane = Some(pane);
    }
}

fn failed(error: &RequestError, keeps: bool) -> Fate {
    match error {
        RequestError::NotSent(_) | RequestError::FateUnknown(Cause::Ended(_)) if keeps => Fate::Kept,
        error => Fate::Failed(why(error)),
    }
}

/// Why something was not stored, in few words.
fn why(error: &RequestError) -> String {
    match error {
        RequestError::NotSent(_) => "the connection ended".to_owned(),
        RequestError::FateUnknown(_) => "nobody knows whether it arrived".to_owned(),
        error => error.to_string(),
    }
}
