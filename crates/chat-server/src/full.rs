//! Connections that the limits don't allow: they are told so, briefly, and closed.

use chat_protocol::json;
use chat_protocol::message::{Bye, ByeCode, ServerMessage};
use chat_protocol::text::render;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::hub::Refused;
use crate::limits::{BYE_DEADLINE, FULL_WAIT, LINGER};
use crate::metrics::Metrics;
use crate::session::Transport;

/// Tells somebody in his dialect, if he shows it soon, why he can't be let in.
pub(crate) async fn turn_away(mut stream: impl Transport, bye: Bye) {
    let mut first = [0; 1];
    let json = matches!(timeout(FULL_WAIT, stream.read(&mut first)).await, Ok(Ok(1)) if first == *b"{");
    let mut lines = Vec::new();
    if json {
        json::render(&mut lines, &ServerMessage::Bye(bye));
    } else {
        let mut text = String::new();
        match bye.retry_after_ms {
            // Until when is among the words.
            _ if bye.code == ByeCode::Banned => {}
            Some(_) => render::error(&mut text, &format!("{}; try again in half a minute", bye.reason)),
            None => render::error(&mut text, &bye.reason),
        }
        render::bye(&mut text, &bye);
        lines = text.into_bytes();
    }
    let _ = timeout(BYE_DEADLINE, async {
        stream.write_all(&lines).await?;
        stream.shutdown().await
    })
    .await;
    linger(&mut stream).await;
}

/// Reads on for a moment: closing over unread input would be a reset, which takes the last words back.
pub(crate) async fn linger(stream: &mut impl Transport) {
    let mut buffer = [0; 1024];
    let _ = timeout(LINGER, async { while matches!(stream.read(&mut buffer).await, Ok(n) if n > 0) {} }).await;
}

/// Counts somebody who can't be let in, whether there is a place to tell him so or not.
pub(crate) fn count(metrics: &Metrics, refused: Refused) {
    metrics.closings_total.with_label_values(&[code(refused).as_str()]).inc();
}

/// What somebody is told who can't be let in.
pub(crate) fn words(refused: Refused) -> Bye {
    let bye = |reason: &str| Bye::new(code(refused), reason);
    match refused {
        Refused::Full => bye("the server is full").retry_after_ms(30_000),
        Refused::PerAddress => bye("too many connections from your address").retry_after_ms(30_000),
        Refused::Outsider => bye("this port is for the balancer in front of it alone; come by way of that"),
    }
}

const fn code(refused: Refused) -> ByeCode {
    match refused {
        Refused::Full => ByeCode::Full,
        Refused::PerAddress | Refused::Outsider => ByeCode::Limit,
    }
}
