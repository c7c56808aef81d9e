/** Whether a URL leads to this machine and nowhere else: 127.0.0.0/8, ::1 or localhost. */
export function isLoopback(url: URL): boolean {
  return /^(127(\.\d{1,3}){3}|\[::1\]|localhost)$/i.test(url.hostname);
}
