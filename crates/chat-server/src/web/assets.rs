//! The page's files, in the program itself: nothing is built and nothing is fetched from elsewhere.
//!
//! What is served is what stands in the repository, line by line, but without the indentation and without the lines that hold
//! a comment alone: a sixth of the whole, which is for those who read the source and not for those who wait for the page.

use std::sync::LazyLock;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::secret::hex;

/// A file of the page.
#[derive(Debug)]
pub(super) struct Asset {
    pub(super) path: &'static str,
    kind: &'static str,
    bytes: Bytes,
}

macro_rules! assets {
    ($($path:literal $file:literal $kind:expr;)*) => {
        /// All files of the page. A test looks whether one was forgotten.
        pub(super) static ALL: LazyLock<Vec<Asset>> = LazyLock::new(|| {
            vec![$(Asset::new($path, $kind, include_str!(concat!("../../web/", $file)))),*]
        });
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
    "/account.js" "account.js" SCRIPT;
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
    "/way.js" "way.js" SCRIPT;
}

impl Asset {
    fn new(path: &'static str, kind: &'static str, source: &'static str) -> Self {
        let bytes = if kind == SVG { Bytes::from_static(source.as_bytes()) } else { lean(source).into() };
        Self { path, kind, bytes }
    }

    /// The file, or that the browser's copy is still good. It asks each time: a page of two versions would be worse than a slow one.
    pub(super) fn answer(&self, request: &HeaderMap) -> Response {
        let tag = self.tag();
        let known = request.get_all(header::IF_NONE_MATCH).iter().any(|value| has_tag(value, &tag));
        let mut response =
            if known { StatusCode::NOT_MODIFIED.into_response() } else { self.bytes.clone().into_response() };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        response
    }

    fn tag(&self) -> String {
        format!("\"{}\"", hex(&Sha256::digest(&self.bytes)[..12]))
    }
}

/// A file without indentation and without lines that are comments; a line stays at its number. No text of several lines may
/// stand in it.
fn lean(source: &str) -> String {
    let mut lean = String::with_capacity(source.len());
    let mut in_comment = false;
    for line in source.lines() {
        let line = line.trim();
        in_comment |= line.starts_with("/*");
        if !in_comment && !line.starts_with("//") {
            lean.push_str(line);
        }
        in_comment &= !line.ends_with("*/");
        lean.push('\n');
    }
    lean
}

/// Whether a list of tags names this one, weakly or not: a proxy that compresses makes a tag weak.
fn has_tag(list: &HeaderValue, tag: &str) -> bool {
    list.to_str().is_ok_and(|list| list.split(',').any(|one| one.trim().trim_start_matches("W/") == tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the whole page may weigh.
    const PAGE_BYTES: usize = 100_000;

    #[test]
    fn every_file_is_served_and_the_page_is_light() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/web");
        for entry in std::fs::read_dir(folder).expect("the folder") {
            let entry = entry.expect("an entry");
            if entry.file_type().expect("a type").is_dir() {
                continue;
            }
            let name = entry.file_name().into_string().expect("a name");
            let path = if name == "index.html" { "/".to_owned() } else { format!("/{name}") };
            assert!(ALL.iter().any(|asset| asset.path == path), "{name} is not served");
        }
        let sum: usize = ALL.iter().map(|asset| asset.bytes.len()).sum();
        assert!(sum < PAGE_BYTES, "{sum} bytes");
    }

    #[test]
    fn what_is_served_has_no_comments_and_all_else() {
        let source =
            "// why\n/** What\n * it does.\n */\nfunction f() {\n  return a\n    * b; // c\n}\n/* one */\nf();\n";
        assert_eq!(lean(source), "\n\n\n\nfunction f() {\nreturn a\n* b; // c\n}\n\nf();\n");
    }

    #[test]
    fn no_text_of_a_script_has_several_lines() {
        for asset in ALL.iter().filter(|asset| asset.kind == SCRIPT) {
            let text = std::str::from_utf8(&asset.bytes).expect("UTF-8");
            for line in text.lines() {
                assert!(line.matches('`').count() % 2 == 0, "{}: {line}", asset.path);
            }
        }
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
