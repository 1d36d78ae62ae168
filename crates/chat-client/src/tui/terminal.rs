//! The terminal: made ours, and given back whatever happens.

use std::io::{self, BufWriter, Stdout, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode,
    enable_raw_mode,
};
use crossterm::{cursor, execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use tokio::sync::mpsc;

use super::state::State;
use super::view;

/// Bytes of a screen that are collected for one write.
const WRITE_BUFFER: usize = 64 * 1024;

/// The screen, ours until this is dropped.
pub(crate) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    mouse: bool,
}

impl Screen {
    /// Takes the terminal. A panic gives it back before its words are printed.
    pub(crate) fn open() -> io::Result<Self> {
        let earlier = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            restore();
            earlier(info);
        }));
        take()?;
        let opened = Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(WRITE_BUFFER, io::stdout())));
        opened.map(|terminal| Self { terminal, mouse: false }).inspect_err(|_| restore())
    }

    pub(crate) fn size(&self) -> io::Result<(u16, u16)> {
        self.terminal.size().map(|size| (size.width, size.height))
    }

    /// Draws what changed, as one update where the terminal can.
    pub(crate) fn draw(&mut self, state: &State) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(|frame| view::draw(state, frame))?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }

    /// Forgets what is on the screen, so that all of it is drawn.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        // `Terminal::clear` would ask the terminal where its cursor is, and the answer goes to whoever reads the keys.
        let size = self.terminal.size()?;
        self.terminal.resize(Rect::new(0, 0, size.width, size.height))
    }

    /// Takes the mouse, or lets it go: the terminal's own selecting and copying needs it.
    pub(crate) fn capture_mouse(&mut self, on: bool) -> io::Result<()> {
        self.mouse = on;
        if on { execute!(io::stdout(), EnableMouseCapture) } else { execute!(io::stdout(), DisableMouseCapture) }
    }

    pub(crate) fn bell(&mut self) -> io::Result<()> {
        self.raw("\x07")
    }

    /// A notice on the desktop, in the words of OSC 9; `words` have to be harmless.
    pub(crate) fn notify(&mut self, words: &str) -> io::Result<()> {
        self.raw(&format!("\x1b]9;{words}\x07"))
    }

    fn raw(&mut self, bytes: &str) -> io::Result<()> {
        let out = self.terminal.backend_mut();
        out.write_all(bytes.as_bytes())?;
        io::Write::flush(out)
    }

    /// Gives the terminal back, stops until the shell continues us, and takes it again.
    pub(crate) fn suspend(&mut self) -> io::Result<()> {
        restore();
        stop_here();
        take()?;
        if self.mouse {
            self.capture_mouse(true)?;
        }
        self.clear()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// The terminal is ours. Given back twice, as by a panic and by the unwinding after it, its cursor would be put back over the panic's words.
static TAKEN: AtomicBool = AtomicBool::new(false);

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    TAKEN.store(true, Ordering::Relaxed);
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste).inspect_err(|_| restore())
}

/// As it was. There may be no terminal left to be restored, so that errors mean nothing.
fn restore() {
    if !TAKEN.swap(false, Ordering::Relaxed) {
        return;
    }
    let _ = execute!(
        io::stdout(),
        EndSynchronizedUpdate,
        DisableMouseCapture,
        DisableBracketedPaste,
        LeaveAlternateScreen,
        cursor::Show
    );
    let _ = disable_raw_mode();
}

/// What the system wants of us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// To end.
    Leave,
    /// To stop for a while.
    Stop,
    /// We were stopped, and somebody else may have used the screen.
    Continued,
}

/// A queue of the system's wishes.
#[cfg(unix)]
pub(crate) fn signals() -> io::Result<mpsc::Receiver<Signal>> {
    use rustix::process::Signal as Number;
    use tokio::signal::unix::{SignalKind, signal};
    let (sender, queue) = mpsc::channel(4);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut stop = signal(SignalKind::from_raw(Number::TSTP.as_raw()))?;
    let mut continued = signal(SignalKind::from_raw(Number::CONT.as_raw()))?;
    tokio::spawn(async move {
        loop {
            let wish = tokio::select! {
                _ = terminate.recv() => Signal::Leave,
                _ = hangup.recv() => Signal::Leave,
                _ = interrupt.recv() => Signal::Leave,
                _ = stop.recv() => Signal::Stop,
                _ = continued.recv() => Signal::Continued,
            };
            if sender.send(wish).await.is_err() {
                return;
            }
        }
    });
    Ok(queue)
}

#[cfg(not(unix))]
pub(crate) fn signals() -> io::Result<mpsc::Receiver<Signal>> {
    let (sender, queue) = mpsc::channel(1);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            let _ = sender.send(Signal::Leave).await;
        }
    });
    Ok(queue)
}

/// Asks for what Ctrl-Z means: everybody of our job stops, with `cargo run` above us, or the shell would go on waiting for it.
#[cfg(unix)]
pub(crate) fn ask_to_stop() {
    let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
}

#[cfg(not(unix))]
pub(crate) fn ask_to_stop() {}

#[cfg(unix)]
fn stop_here() {
    // The polite signal is the one that we catch; this one can't be caught, and returns when we are continued.
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
}

#[cfg(not(unix))]
fn stop_here() {}

#[cfg(all(test, unix))]
mod tests {
    use std::io::Read as _;

    use portable_pty::{CommandBuilder, PtySize, native_pty_system};

    use super::*;

    /// Set where this program is the one that panics.
    const CHILD: &str = "PANIC_ON_THE_SCREEN";

    #[test]
    fn a_panic_gives_the_terminal_back_and_its_words_are_seen() {
        if std::env::var_os(CHILD).is_some() {
            let mut screen = Screen::open().unwrap();
            screen.capture_mouse(true).unwrap();
            screen.raw("on the screen\x1b[?25l").unwrap();
            panic!("as it was meant");
        }
        let size = PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let modes = || pair.master.get_termios().map(|modes| format!("{modes:?}"));
        let before = modes();
        let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
        let name = "tui::terminal::tests::a_panic_gives_the_terminal_back_and_its_words_are_seen";
        command.args([name, "--exact", "--nocapture"]);
        command.env(CHILD, "1");
        command.env("RUST_BACKTRACE", "0");
        command.env("TERM", "xterm-256color");
        let mut child = pair.slave.spawn_command(command).unwrap();
        // Held open, so that the modes can be read when the program has gone.
        let mut reader = pair.master.try_clone_reader().unwrap();
        let output = std::thread::spawn(move || {
            let (mut parser, mut took_it, mut buffer) = (vt100::Parser::new(24, 80, 0), false, [0; 4096]);
            while !parser.screen().contents().contains("test result:") {
                let count = reader.read(&mut buffer).unwrap();
                took_it |= buffer[..count].windows(8).any(|bytes| bytes == b"\x1b[?1049h");
                parser.process(&buffer[..count]);
            }
            (parser, took_it)
        });
        assert!(!child.wait().unwrap().success());
        let (parser, took_it) = output.join().unwrap();
        let screen = parser.screen();
        let contents = screen.contents();
        assert!(took_it && !screen.alternate_screen() && !screen.bracketed_paste(), "{contents}");
        assert!(!screen.hide_cursor(), "{contents}");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "{contents}");
        assert!(contents.contains("as it was meant") && !contents.contains("on the screen"), "{contents}");
        assert_eq!(modes(), before, "lines are edited and echoed again");
    }
}
