// What this browser remembers between visits, in localStorage, under this page's own path.

const PREFIX = `chat:${new URL(".", location.href).pathname}:`;

// Where storage is forbidden the page still works, until it is closed.
const fallback = new Map();

function storage() {
  try {
    return window.localStorage;
  } catch {
    return null;
  }
}

export function load(key, otherwise = null) {
  try {
    const text = storage()?.getItem(PREFIX + key) ?? fallback.get(key) ?? null;
    return text === null ? otherwise : JSON.parse(text);
  } catch {
    return otherwise;
  }
}

/** Keeps a value; `undefined` removes it. */
export function save(key, value) {
  if (value === undefined) {
    fallback.delete(key);
    storage()?.removeItem(PREFIX + key);
    return;
  }
  const text = JSON.stringify(value);
  try {
    const place = storage();
    if (place) place.setItem(PREFIX + key, text);
    else fallback.set(key, text);
  } catch {
    fallback.set(key, text);
  }
}

/** Forgets all that this page has kept. */
export function forgetAll() {
  fallback.clear();
  const place = storage();
  if (!place) return;
  const ours = Object.keys(place).filter((key) => key.startsWith(PREFIX));
  ours.forEach((key) => place.removeItem(key));
}

/** The name of the channel that tabs of this page share. */
export const CHANNEL = PREFIX;
