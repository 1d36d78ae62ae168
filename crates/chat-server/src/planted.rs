//! Bugs that are put in on purpose, so that the checks which have to catch them can be checked themselves.
//!
//! Only with the feature `planted-bugs`, and then only the one that `CHAT_PLANTED_BUG` names. Without the feature
//! [`planted`] is a constant, and nothing of them is compiled.

/// A bug, by the name that `CHAT_PLANTED_BUG` gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// `ack-before-commit`: messages are published and acked while their transaction is still open.
    AckBeforeCommit,
    /// `forgetful-dedupe`: ids of messages that an earlier process stored are not known.
    ForgetfulDedupe,
    /// `resume-off-by-one`: who resumes doesn't get the first message after his position.
    ResumeOffByOne,
    /// `lag-swallowed`: who lagged goes on live, without what he missed and without a word.
    LagSwallowed,
    /// `hole-at-seam`: what is published between a resume's last read and its going live is lost to it.
    HoleAtSeam,
    /// `unended-tail`: a last line without its end is carried out.
    UnendedTail,
    /// `log-cut`: a start takes the newest message of every room away.
    LogCut,
    /// `reused-id`: an id that is used again for another text is acked.
    ReusedId,
    /// `synchronous-normal`: commits are not synced to the disk.
    SynchronousNormal,
}

#[cfg(feature = "planted-bugs")]
impl Bug {
    const fn name(self) -> &'static str {
        match self {
            Self::AckBeforeCommit => "ack-before-commit",
            Self::ForgetfulDedupe => "forgetful-dedupe",
            Self::ResumeOffByOne => "resume-off-by-one",
            Self::LagSwallowed => "lag-swallowed",
            Self::HoleAtSeam => "hole-at-seam",
            Self::UnendedTail => "unended-tail",
            Self::LogCut => "log-cut",
            Self::ReusedId => "reused-id",
            Self::SynchronousNormal => "synchronous-normal",
        }
    }
}

/// Whether a bug is planted in this process.
#[cfg(feature = "planted-bugs")]
pub(crate) fn planted(bug: Bug) -> bool {
    PICKED.0.as_deref() == Some(bug.name())
}

/// The bug that was picked, and when this was asked first, which is before the log is open.
#[cfg(feature = "planted-bugs")]
static PICKED: std::sync::LazyLock<(Option<String>, jiff::Timestamp)> =
    std::sync::LazyLock::new(|| (std::env::var("CHAT_PLANTED_BUG").ok(), jiff::Timestamp::now()));

/// Whether a moment is before this process had its log open.
#[cfg(feature = "planted-bugs")]
pub(crate) fn is_of_an_earlier_process(time: jiff::Timestamp) -> bool {
    time < PICKED.1
}

/// Asked for nothing but a planted bug.
#[cfg(not(feature = "planted-bugs"))]
pub(crate) const fn is_of_an_earlier_process(_time: jiff::Timestamp) -> bool {
    false
}

/// Whether a bug is planted: never.
#[cfg(not(feature = "planted-bugs"))]
pub(crate) const fn planted(_bug: Bug) -> bool {
    false
}
