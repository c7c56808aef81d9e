const octet = "(25[0-5]|2[0-4]\\d|1?\\d?\\d)";
const loopbackHost = new RegExp(`^(127(\\.${octet}){3}|::1|\\[::1\\]|localhost)$`, "i");

/** Whether a host name or address can only mean this machine: 127.0.0.0/8, ::1 or localhost. */
export function isLoopbackHost(host: string): boolean {
  return loopbackHost.test(host);
}

/** Whether a URL leads to this machine and nowhere else. */
export function isLoopback(url: URL): boolean {
  return isLoopbackHost(url.hostname);
}
