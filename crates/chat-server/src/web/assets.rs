//! The page's files, in the program itself: nothing is built and nothing is fetched from elsewhere.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};

use crate::secret::hex;

/// A file of the page.
#[derive(Debug)]
pub(super) struct Asset {
    pub(super) path: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

macro_rules! assets {
    ($($path:literal $file:literal $kind:expr;)*) => {
        /// All files of the page. A test looks whether one was forgotten.
        pub(super) static ALL: &[Asset] = &[
            $(Asset { path: $path, kind: $kind, bytes: include_bytes!(concat!("../../web/", $file)) },)*
        ];
    };
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

assets! {
    "/" "index.html" HTML;
    "/style.css" "style.css" CSS;
    "/icon.svg" "icon.svg" SVG;
    "/announce.js" "announce.js" SCRIPT;
    "/commands.js" "commands.js" SCRIPT;
    "/composer.js" "composer.js" SCRIPT;
    "/connection.js" "connection.js" SCRIPT;
    "/dialogs.js" "dialogs.js" SCRIPT;
    "/inbox.js" "inbox.js" SCRIPT;
    "/main.js" "main.js" SCRIPT;
    "/messages.js" "messages.js" SCRIPT;
    "/notify.js" "notify.js" SCRIPT;
    "/outbox.js" "outbox.js" SCRIPT;
    "/random.js" "random.js" SCRIPT;
    "/render.js" "render.js" SCRIPT;
    "/rooms.js" "rooms.js" SCRIPT;
    "/session.js" "session.js" SCRIPT;
    "/sidebar.js" "sidebar.js" SCRIPT;
    "/store.js" "store.js" SCRIPT;
    "/tabs.js" "tabs.js" SCRIPT;
    "/text.js" "text.js" SCRIPT;
}

impl Asset {
    /// The file, or that the browser's copy is still good. It asks each time: a page of two versions would be worse than a slow one.
    pub(super) fn answer(&self, request: &HeaderMap) -> Response {
        let tag = self.tag();
        let known = request.get_all(header::IF_NONE_MATCH).iter().any(|value| has_tag(value, &tag));
        let mut response = if known { StatusCode::NOT_MODIFIED.into_response() } else { self.bytes.into_response() };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }

    fn tag(&self) -> String {
        format!("\"{}\"", hex(&Sha256::digest(self.bytes)[..12]))
    }
}

/// Whether a list of tags names this one, weakly or not: a proxy that compresses makes a tag weak.
fn has_tag(list: &HeaderValue, tag: &str) -> bool {
    list.to_str().is_ok_and(|list| list.split(',').any(|one| one.trim().trim_start_matches("W/") == tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the whole page may weigh.
    const PAGE_BYTES: u64 = 100_000;

    #[test]
    fn every_file_is_served_and_the_page_is_light() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/web");
        let mut sum = 0;
        for entry in std::fs::read_dir(folder).expect("the folder") {
            let entry = entry.expect("an entry");
            if entry.file_type().expect("a type").is_dir() {
                continue;
            }
            let name = entry.file_name().into_string().expect("a name");
            let path = if name == "index.html" { "/".to_owned() } else { format!("/{name}") };
            assert!(ALL.iter().any(|asset| asset.path == path), "{name} is not served");
            sum += entry.metadata().expect("metadata").len();
        }
        assert!(sum < PAGE_BYTES, "{sum} bytes");
    }

    #[test]
    fn a_tag_is_found_in_a_list() {
        let check = |list: &str| has_tag(&HeaderValue::from_str(list).expect("a value"), "\"abc\"");
        assert!(check("\"abc\""));
        assert!(check("\"x\", W/\"abc\""));
        assert!(!check("abc"));
        assert!(!check("\"abcd\""));
    }
}
