// Whether what is sent can be read on its way. The server takes passwords on no other.

const LOOPBACK = /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/u;

export const isPrivateWay = location.protocol === "https:" || LOOPBACK.test(location.hostname);

export const NOT_PRIVATE = "Others could read a password on its way here: open this page by https://, or on the server's own machine.";
