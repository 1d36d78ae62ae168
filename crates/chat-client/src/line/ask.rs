//! What a person is asked before the conversation: an alias, a password, an invite.

use chat_client::Secret;
use chat_protocol::text::{self, Login, render};

use super::echo::Quiet;
use super::words::notice;
use super::{Source, print};
use crate::config::Config;

/// Asks for another alias, which takes other secrets; whether there is one.
pub(super) async fn ask_other(config: &mut Config, source: &mut Source) -> bool {
    let Some(alias) = ask_alias(source).await else { return false };
    config.alias = alias;
    config.password = None;
    config.invite = None;
    true
}

/// Asks a person for a password, or for an invite and a new password; `Some(None)` where one is left empty.
pub(super) async fn ask_secrets(source: &mut Source, invite: bool) -> Option<Option<(Option<Secret>, Secret)>> {
    let quiet = Quiet::new();
    if !quiet.hides {
        print(&notice("what you type is seen here; --password-file and --invite-file are not")).ok()?;
    }
    let invite = match invite {
        true => match ask_secret(source, text::INVITE).await? {
            Some(invite) => Some(invite),
            None => return Some(None),
        },
        false => None,
    };
    Some(ask_secret(source, text::PASSWORD).await?.map(|password| (invite, password)))
}

async fn ask_secret(source: &mut Source, question: &str) -> Option<Option<Secret>> {
    print(&format!("{question}\n")).ok()?;
    let line = tokio::select! {
        line = source.input.next() => line?.ok()?.line.ok()?,
        _ = source.interrupts.recv() => return None,
    };
    Some((!line.is_empty()).then(|| Secret::new(line)))
}

/// Asks a person for another alias, as the server would; `None` if there is none to be had.
pub(super) async fn ask_alias(source: &mut Source) -> Option<String> {
    loop {
        print(&format!("{}\n", text::ALIAS)).ok()?;
        let line = tokio::select! {
            line = source.input.next() => line?.ok()?.line.ok()?,
            _ = source.interrupts.recv() => return None,
        };
        match text::parse_login(&line) {
            Login::Alias(alias) if !alias.is_empty() => return Some(alias),
            Login::Quit => return None,
            Login::Help => {
                let mut out = String::new();
                text::LOGIN_HELP.iter().for_each(|line| render::notice(&mut out, line));
                print(&out).ok()?;
            }
            _ => {}
        }
    }
}
