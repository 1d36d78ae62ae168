//! What must hold for all keys, events and sizes.

use super::*;

/// Something that may happen.
#[derive(Clone, Debug)]
enum Step {
    Key(KeyCode, KeyModifiers),
    Paste(String),
    Said(usize, usize, String),
    Private(usize, String),
    Presence(usize, usize, bool),
    Lost,
    Older(u64),
    Gap(u64, u64),
    Fails,
    Size(u16, u16),
}

fn step() -> impl Strategy<Value = Step> {
    let keys = vec![
        KeyCode::Enter,
        KeyCode::Tab,
        KeyCode::Esc,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Left,
        KeyCode::Backspace,
        KeyCode::PageUp,
        KeyCode::PageDown,
        KeyCode::Home,
        KeyCode::End,
        KeyCode::F(1),
        KeyCode::Delete,
    ];
    let modifiers = prop::sample::select(vec![KeyModifiers::NONE, KeyModifiers::CONTROL, KeyModifiers::ALT]);
    prop_oneof![
        (prop::sample::select(keys), modifiers.clone()).prop_map(|(key, with)| Step::Key(key, with)),
        ("[abnprwxuky@/# ]", modifiers).prop_map(|(c, with)| Step::Key(KeyCode::Char(c.chars().next().unwrap()), with)),
        "\\PC{0,9}(\n\\PC{0,9}){0,7}".prop_map(Step::Paste),
        "(/leave|/close|/join ops|@bob hi|@bob|/me x|/set time 12h|/msg carol)".prop_map(Step::Paste),
        (0_usize..3, 0_usize..3, "\\PC{0,40}").prop_map(|(room, from, text)| Step::Said(room, from, text)),
        (0_usize..3, "\\PC{0,40}").prop_map(|(from, text)| Step::Private(from, text)),
        (0_usize..3, 0_usize..3, any::<bool>()).prop_map(|(room, who, comes)| Step::Presence(room, who, comes)),
        Just(Step::Lost),
        (0_u64..30).prop_map(Step::Older),
        (edge(), edge()).prop_map(|(from, to)| Step::Gap(from, to)),
        Just(Step::Fails),
        (1_u16..60, 1_u16..30).prop_map(|(width, height)| Step::Size(width, height)),
    ]
}

/// A number where arithmetic goes wrong, if it does.
fn edge() -> impl Strategy<Value = u64> {
    prop::sample::select(vec![0, 1, 40, u64::MAX - 1, u64::MAX])
}

fn take_step(state: &mut State, step: Step, seq: &mut u64) {
    let rooms = ["lobby", "ops", "nowhere"];
    let people = ["alice", "bob", "日本"];
    *seq += 1;
    match step {
        Step::Key(code, modifiers) => press(state, code, modifiers),
        Step::Paste(text) => {
            state.paste(&text);
            press(state, KeyCode::Enter, KeyModifiers::NONE);
        }
        Step::Said(room, from, text) => said(state, rooms[room], *seq, *seq as i64 * 40, people[from], &text),
        Step::Private(from, text) => {
            let (from, to) = (alias(people[from]), alias("alice"));
            let text = Text::new(&text);
            state.event(Event::Private(Private {
                time: Time::default(),
                from,
                to,
                text,
                kind: Kind::Action,
                own: false,
                kept: None,
            }));
        }
        Step::Presence(at, who, comes) => {
            let list = vec![alias(people[who])];
            let (joined, left) = if comes { (list, Vec::new()) } else { (Vec::new(), list) };
            let changes = Some(Changes { joined, left, ..Changes::default() });
            state.event(Event::Presence { room: room(rooms[at]), count: 1, changes });
        }
        Step::Lost => state.event(Event::Disconnected { why: Lost::Silent, retry_in: Duration::from_secs(1) }),
        Step::Older(count) => {
            let message = |seq| Message { stored: stored("lobby", seq, 0, "bob", "old"), own: false };
            let page = Page { messages: (1..=count).map(message).collect(), gaps: Vec::new(), more: false };
            state.answer(Answer::Older { room: room("lobby"), result: Ok(page) });
        }
        Step::Gap(from, to) => {
            let (from, to) = (Seq::new(from), Seq::new(to));
            state.event(Event::Gap { room: room("lobby"), from, to });
            let page = Page { messages: Vec::new(), gaps: vec![(from, to); 2], more: false };
            state.answer(Answer::Older { room: room("lobby"), result: Ok(page) });
        }
        Step::Fails => {
            for effect in state.effects() {
                match effect {
                    Effect::Post { number, .. } => {
                        state.answer(Answer::Posted { number, result: Err(RequestError::BadAnswer) });
                    }
                    Effect::Ask(message) => {
                        if let ClientMessage::Leave { room, .. } = *message {
                            state.answer(Answer::Left { room, result: Ok(()) });
                        }
                    }
                    _ => {}
                }
            }
        }
        Step::Size(width, height) => {
            screen(state, width, height);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_the_cursor_stays_on_the_screen(
        steps in prop::collection::vec(step(), 0..40),
        width in 1_u16..60,
        height in 1_u16..30,
    ) {
        let mut state = talking();
        state.event(joined("ops", &["alice"], 50));
        let mut seq = 30;
        for step in steps {
            take_step(&mut state, step, &mut seq);
        }
        screen(&mut state, width, height);
        prop_assert!(state.current < state.rooms.len().max(1));
    }
}
