//! A server that does one thing wrong: in this process, and as much of the textbook's chat as the load generator asks for.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};

/// What is done wrong, to one member and with one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing is.
    None,
    /// The message never comes.
    Lose,
    /// It comes twice.
    Repeat,
    /// It comes after the next one of the same sender.
    Swap,
    /// Nothing comes any more.
    Close,
}

/// Everybody in the room, and what was said there.
struct Hall {
    /// In the order in which they came.
    people: BTreeMap<u64, TcpStream>,
    came: u64,
    said: u64,
    fault: Fault,
    /// The message that it happens to; the first one is 1.
    at: u64,
    /// What was held back for a moment.
    late: Option<String>,
    happened: Sender<()>,
}

/// A server, and when that message was said.
pub(super) struct Fake {
    pub(super) address: SocketAddr,
    pub(super) happened: Receiver<()>,
}

/// Starts one, for as long as the test's process lives. `at`: the message that it does wrong, of all that were ever said to it; the
/// first one is 1.
pub(super) fn start(fault: Fault, at: u64) -> Fake {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let (happens, happened) = mpsc::channel();
    let hall = Hall { people: BTreeMap::new(), came: 0, said: 0, fault, at, late: None, happened: happens };
    let hall = Arc::new(Mutex::new(hall));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let hall = Arc::clone(&hall);
            std::thread::spawn(move || serve(&hall, &stream));
        }
    });
    Fake { address, happened }
}

fn serve(hall: &Mutex<Hall>, stream: &TcpStream) {
    let hall = || hall.lock().unwrap_or_else(PoisonError::into_inner);
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let (Some(alias), Ok(mut writer)) = (lines.next(), stream.try_clone()) else { return };
    let _ = writer.write_all(b"You are now connected!\n");
    let me = hall().enter(writer);
    for line in lines {
        hall().say(me, &format!("[12:03:22] {alias}: {line}\n"));
    }
    hall().people.remove(&me);
}

impl Hall {
    fn enter(&mut self, writer: TcpStream) -> u64 {
        self.came += 1;
        self.people.insert(self.came, writer);
        self.came
    }

    /// Tells everybody else, and one of them something else.
    fn say(&mut self, me: u64, line: &str) {
        self.said += 1;
        let mut others = self.people.iter_mut().filter(|(other, _)| **other != me).map(|(_, stream)| stream);
        let Some(victim) = others.next() else { return };
        // Whoever has gone is taken out by his own thread.
        others.for_each(|stream| drop(stream.write_all(line.as_bytes())));
        if self.said == self.at {
            let _ = self.happened.send(());
        }
        let lines = match (self.said == self.at, self.fault) {
            (false, _) | (true, Fault::None) => format!("{line}{}", self.late.take().unwrap_or_default()),
            (true, Fault::Lose) => String::new(),
            (true, Fault::Repeat) => line.repeat(2),
            (true, Fault::Swap) => {
                self.late = Some(line.to_owned());
                String::new()
            }
            (true, Fault::Close) => return drop(victim.shutdown(Shutdown::Both)),
        };
        let _ = victim.write_all(lines.as_bytes());
    }
}
