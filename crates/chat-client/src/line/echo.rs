//! A terminal that doesn't show what is typed.

/// As long as this lives, what is typed is not shown, where that can be had.
#[derive(Debug)]
pub(super) struct Quiet {
    /// It isn't shown.
    pub(super) hides: bool,
    #[cfg(unix)]
    earlier: Option<rustix::termios::Termios>,
}

#[cfg(unix)]
impl Quiet {
    pub(super) fn new() -> Self {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let stdin = std::io::stdin();
        let earlier = tcgetattr(&stdin).ok();
        let hides = earlier.clone().is_some_and(|mut modes| {
            modes.local_modes -= LocalModes::ECHO;
            // The end of the line is shown, as the next words would stand beside the question.
            modes.local_modes |= LocalModes::ECHONL;
            tcsetattr(&stdin, OptionalActions::Now, &modes).is_ok()
        });
        Self { hides, earlier }
    }
}

#[cfg(unix)]
impl Drop for Quiet {
    fn drop(&mut self) {
        if let Some(earlier) = &self.earlier {
            // A terminal that is gone needs nothing back.
            let _ = rustix::termios::tcsetattr(std::io::stdin(), rustix::termios::OptionalActions::Now, earlier);
        }
    }
}

#[cfg(not(unix))]
impl Quiet {
    pub(super) const fn new() -> Self {
        Self { hides: false }
    }
}
