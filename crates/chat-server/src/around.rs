//! The program among others: reloading, the service manager, the descriptors that the system grants.

use std::collections::BTreeMap;
use std::future::{Future, pending};
#[cfg(unix)]
use std::io::IsTerminal as _;

use chat_server::Control;
#[cfg(unix)]
use tokio::sync::oneshot;
use tracing::{debug, info, warn};

use crate::args::{Problem, Setting, Typed};
use crate::settings::Settings;

/// Descriptors that a server needs beside those of connections: listeners, the log, the runtime.
const OTHER_DESCRIPTORS: u64 = 64;

/// From now on reads configuration and certificate again at each hang-up. Resolves where that was the end of the terminal that the
/// program was started in: whoever closes its window doesn't expect it to go on, with nobody to see it.
#[cfg(unix)]
pub(crate) fn reload_at_hangup(control: Control, mut typed: Typed) -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (close, closed) = oneshot::channel();
    let in_terminal = has_terminal();
    // Before anybody is told that the server is ready: the signal would end it until then.
    if let Ok(mut hangup) = signal(SignalKind::hangup()) {
        tokio::spawn(async move {
            while hangup.recv().await.is_some() {
                if in_terminal && !has_terminal() {
                    let _ = close.send(());
                    return;
                }
                notify(Moment::Reloading);
                match reload(&control, &typed.settings) {
                    Ok(new) => typed = new,
                    Err(why) => warn!(%why, "the configuration that was in force stays in force"),
                }
                control.reload_certificate();
                notify(Moment::Ready);
            }
        });
    }
    async {
        if closed.await.is_err() {
            pending().await
        }
    }
}

#[cfg(not(unix))]
pub(crate) fn reload_at_hangup(_: Control, _: Typed) -> impl Future<Output = ()> {
    pending()
}

/// Whether somebody may see what the program says, or has typed it. Of a terminal that is gone it says no.
#[cfg(unix)]
fn has_terminal() -> bool {
    std::io::stdin().is_terminal() || std::io::stdout().is_terminal() || std::io::stderr().is_terminal()
}

/// Puts new limits in force, and says what changed.
fn reload(control: &Control, before: &[Setting]) -> Result<Typed, String> {
    let typed = Typed::read().map_err(|problem| match problem {
        Problem::CommandLine(error) => error.to_string(),
        Problem::Sentence(sentence) => sentence,
    })?;
    let settings = Settings::new(typed.args.clone()).map_err(|sentence| typed.trace(sentence))?;
    control.set_limits(settings.server.limits);
    let before: BTreeMap<_, _> = before.iter().map(|setting| (&setting.key, &setting.values)).collect();
    let mut changed = 0;
    for Setting { key, values, source, .. } in &typed.settings {
        if before.get(key) == Some(&values) {
            continue;
        }
        changed += 1;
        let value = if values.is_empty() { "the default".to_owned() } else { values.join(", ") };
        if key.starts_with("max-") && !["max-roster", "max-reads"].contains(&key.as_str()) {
            info!(setting = key, value, %source, "changed, for connections from now on");
        } else {
            warn!(setting = key, value, %source, "changed, but in force only after a restart");
        }
    }
    if changed == 0 {
        info!("read again; no setting has changed");
    }
    Ok(typed)
}

/// Lets the program have as many descriptors as the system allows, and warns where those are few.
pub(crate) fn raise_descriptor_limit(max_connections: usize) {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => {
            let wanted = (max_connections as u64).saturating_add(OTHER_DESCRIPTORS);
            if max_connections > 0 && limit < wanted {
                warn!(
                    limit,
                    max_connections,
                    "fewer descriptors than connections; raise the hard limit (ulimit -Hn, LimitNOFILE=) to {wanted}"
                );
            } else {
                debug!(limit, "descriptors");
            }
        }
        Err(error) => warn!(%error, "the limit of descriptors can't be raised"),
    }
}

/// What a service manager is told of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    Ready,
    Reloading,
    Stopping,
}

/// Tells systemd, if that started the program.
#[cfg(target_os = "linux")]
pub(crate) fn notify(moment: Moment) {
    use sd_notify::NotifyState;
    let told = match moment {
        Moment::Ready => sd_notify::notify(&[NotifyState::Ready]),
        Moment::Reloading => {
            NotifyState::monotonic_usec_now().and_then(|now| sd_notify::notify(&[NotifyState::Reloading, now]))
        }
        Moment::Stopping => sd_notify::notify(&[NotifyState::Stopping]),
    };
    if let Err(error) = told {
        warn!(%error, ?moment, "the service manager can't be told");
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn notify(_: Moment) {}
