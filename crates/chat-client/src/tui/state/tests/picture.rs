//! The picture of the README, drawn from the real screen: `GOLDEN=write cargo test -p chat-client --bin chat-client picture`.

use std::fmt::Write as _;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use super::*;

/// Pixels of a cell.
const CELL: (f32, f32) = (8.4, 18.0);
const MARGIN: f32 = 12.0;
const GROUND: &str = "#1b1d23";
const INK: &str = "#d8dbe2";

#[test]
fn picture() {
    let mut state = a_morning();
    state.resize(80, 20);
    let mut terminal = Terminal::new(TestBackend::new(80, 20)).unwrap();
    terminal.draw(|frame| view::draw(&state, frame)).unwrap();
    let svg = svg(terminal.backend().buffer());
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("screen.svg");
    if env::var_os("GOLDEN").is_some_and(|value| value == "write") {
        fs::write(&path, &svg).unwrap();
    }
    assert!(
        fs::read_to_string(&path).is_ok_and(|kept| kept == svg),
        "screen.svg is not the screen any more: {}",
        file!()
    );
}

/// A conversation that shows what there is to see.
fn a_morning() -> State {
    let mut state = new();
    state.look.settings.theme = crate::tui::settings::Theme::Dark;
    state.tick(at(0));
    state.online("alice");
    state.event(joined("lobby", &["alice", "bob", "carol", "dave", "zoë"], 0));
    state.event(joined("ops", &["alice", "dave"], 0));
    let topic = "release on Friday".to_owned();
    state.event(Event::Topic { room: room("lobby"), text: topic, from: alias("bob") });
    said(&mut state, "lobby", 1, 0, "bob", "good morning! the notes are at https://chat.example/notes");
    said(&mut state, "lobby", 2, 20, "carol", "thanks, reading them now");
    state.tick(at(90));
    let changes = Changes { joined: vec![alias("dave"), alias("zoë")], ..Changes::default() };
    state.event(Event::Presence { room: room("lobby"), count: 5, changes: Some(changes) });
    said(&mut state, "lobby", 3, 130, "zoë", "hyvää huomenta");
    said(
        &mut state,
        "lobby",
        4,
        150,
        "dave",
        "alice: is the build green? I would like to tag it before lunch, if nobody minds",
    );
    let mut action = stored("lobby", 5, 170, "carol", "puts the kettle on");
    action.kind = Kind::Action;
    state.event(Event::Message(Message { stored: action, own: false }));
    said(&mut state, "ops", 1, 200, "dave", "alice: the disk of the old host is at 91 %");
    said(&mut state, "ops", 2, 210, "dave", "moving the logs");
    state.tick(at(240));
    let (from, to) = (alias("bob"), alias("alice"));
    let text = Text::new("lunch?");
    state.event(Event::Private(Private {
        time: Time::from(at(220)),
        from,
        to,
        text,
        kind: Kind::Say,
        own: false,
        kept: None,
    }));
    let stored = stored("lobby", 6, 240, "alice", "all green, go ahead");
    state.event(Event::Message(Message { stored, own: true }));
    enter(&mut state, "I'll write the announcement");
    "dave: than".chars().for_each(|c| press(&mut state, KeyCode::Char(c), KeyModifiers::NONE));
    state
}

fn svg(buffer: &Buffer) -> String {
    let (columns, rows) = (f32::from(buffer.area.width), f32::from(buffer.area.height));
    let (width, height) = (columns * CELL.0 + 2.0 * MARGIN, rows * CELL.1 + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"monospace\" \
         font-size=\"14\">\n<title>chat-client on the whole screen</title>\n\
         <rect width=\"{width}\" height=\"{height}\" rx=\"8\" fill=\"{GROUND}\"/>\n"
    );
    for y in 0..buffer.area.height {
        let mut x = 0;
        while x < buffer.area.width {
            let cell = &buffer[(x, y)];
            let (mut text, from) = (String::new(), x);
            while x < buffer.area.width && is_alike(cell, &buffer[(x, y)]) {
                let symbol = words(&buffer[(x, y)]);
                text.push_str(symbol);
                x += u16::try_from(symbol.width().max(1)).unwrap();
            }
            run(&mut out, cell, &text, (from, x), y);
        }
    }
    out.push_str("</svg>\n");
    out
}

/// Cells that are alike in their style.
fn run(out: &mut String, cell: &Cell, text: &str, (from, to): (u16, u16), y: u16) {
    let reversed = cell.modifier.contains(Modifier::REVERSED);
    let left = MARGIN + f32::from(from) * CELL.0;
    let top = MARGIN + f32::from(y) * CELL.1;
    let wide = f32::from(to - from) * CELL.0;
    if reversed {
        writeln!(
            out,
            "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{wide:.1}\" height=\"{}\" fill=\"{INK}\"/>",
            CELL.1
        )
        .unwrap();
    }
    if text.trim().is_empty() {
        return;
    }
    let ink = match cell.fg {
        _ if reversed => GROUND.to_owned(),
        Color::Indexed(index) => rgb(index),
        _ => INK.to_owned(),
    };
    let mut style = String::new();
    let mut with = |modifier, words: &str| {
        if cell.modifier.contains(modifier) {
            style.push_str(words);
        }
    };
    with(Modifier::BOLD, " font-weight=\"bold\"");
    with(Modifier::DIM, " opacity=\"0.6\"");
    with(Modifier::UNDERLINED, " text-decoration=\"underline\"");
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    let base = top + CELL.1 * 0.75;
    writeln!(
        out,
        "<text x=\"{left:.1}\" y=\"{base:.1}\" textLength=\"{wide:.1}\" lengthAdjust=\"spacingAndGlyphs\" \
         xml:space=\"preserve\" fill=\"{ink}\"{style}>{text}</text>"
    )
    .unwrap();
}

fn is_alike(one: &Cell, other: &Cell) -> bool {
    (one.fg, one.modifier) == (other.fg, other.modifier)
}

/// What a cell shows, without the link that it is part of.
fn words(cell: &Cell) -> &str {
    let linked = cell.symbol().strip_prefix("\x1b]8;").and_then(|rest| rest.split_once("\x1b\\"));
    linked.map_or_else(|| cell.symbol(), |(_, rest)| rest.split('\x1b').next().unwrap_or_default())
}

/// A colour of the 6 × 6 × 6 cube.
fn rgb(index: u8) -> String {
    let levels = [0, 95, 135, 175, 215, 255];
    let cube = usize::from(index.saturating_sub(16));
    format!("#{:02x}{:02x}{:02x}", levels[cube / 36 % 6], levels[cube / 6 % 6], levels[cube % 6])
}
