// Names that nobody guesses or uses twice. `crypto.randomUUID` exists on https only, this everywhere.

export function randomName(prefix) {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return prefix + Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
