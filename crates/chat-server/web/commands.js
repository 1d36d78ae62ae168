// What a typed line means: the words of the text dialect.

export const HELP = [
  ["@bob text, /msg bob text", "say something to bob alone"],
  ["/me waves", "an action"],
  ["/nick NAME", "change your name"],
  ["/who, /rooms", "who is here; which rooms there are"],
  ["/join ROOM, /leave", "enter a room, creating it if need be; leave this one"],
  ["/history, /search WORDS", "older messages of this room"],
  ["/topic [TEXT]", "show or set the room's topic"],
  ["/private, /invite NAME, /uninvite NAME", "make a room that you made its members', who have accounts"],
  ["/ignore NAME, /unignore NAME", "hide somebody's messages"],
  ["/register, /password, /unregister", "make your name yours by a password; change it; give it up"],
  ["/quit [REASON]", "leave, and have this browser forget you"],
  ["//text, @@text", "say /text, @text"],
];

const NAMES = new Set(
  "me msg nick who rooms join leave history search topic ignore unignore private invite uninvite register password unregister help quit".split(" "),
);

/**
 * `{type, …}`: say `{text}`, me `{text}`, msg `{to, text}`, error `{words}`, empty, or a command with its `rest`.
 * Blanks before `/` or `@` don't matter: a blank must not publish a secret.
 */
export function parse(input) {
  const line = input.replace(/\s+$/u, "");
  const start = line.trimStart();
  if (!start) return { type: "empty" };
  if (start.startsWith("//") || start.startsWith("@@")) return { type: "say", text: start.slice(1) };
  if (start.startsWith("@")) return parsePrivate(start.slice(1), "@bob text");
  if (!start.startsWith("/")) return { type: "say", text: line };
  const [, name, rest] = /^\/(\S*)\s*([^]*)$/u.exec(start);
  const command = name.toLowerCase();
  if (!NAMES.has(command)) return { type: "error", words: `unknown command /${name}; /help lists the commands` };
  if (command === "msg") return parsePrivate(rest, "/msg bob text");
  if (command === "me" && !rest) return { type: "error", words: "say what you do: /me waves" };
  return command === "me" ? { type: "me", text: rest } : { type: command, rest };
}

function parsePrivate(rest, usage) {
  const [, to, text] = /^(\S*?):?(?:\s+([^]*))?$/u.exec(rest) ?? [];
  if (!to || !text?.trim()) return { type: "error", words: `say to whom and what: ${usage}` };
  return { type: "msg", to, text };
}

/** To whom alone a line that is being typed would go; null if to all. */
export function confidant(input) {
  const start = input.trimStart();
  if (start.startsWith("@@")) return null;
  const match = /^(?:@|\/msg\s+)(\S+?):?\s/iu.exec(start);
  return match ? match[1] : null;
}
