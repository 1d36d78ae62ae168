#![doc = include_str!("../docs/text.md")]
#![doc = "```text"]
#![doc = include_str!("../golden/text.txt")]
#![doc = "```\n"]
#![doc = include_str!("../docs/json.md")]
#![doc = "```text"]
#![doc = include_str!("../golden/json.txt")]
#![doc = "```\n"]
#![doc = include_str!("../docs/sessions.md")]
#![doc = "```text"]
#![doc = include_str!("../golden/invites.txt")]
#![doc = "```\n"]
#![doc = "What is private, replayed likewise:\n\n```text"]
#![doc = include_str!("../golden/private.txt")]
#![doc = "```\n"]

pub mod clean;
pub mod codec;
pub mod json;
pub mod limits;
pub mod message;
pub mod names;
pub mod telnet;
pub mod text;
pub mod value;
