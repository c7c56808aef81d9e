import { isLoopback } from "../ground/loopback.ts";

/** Whether a secret may be sent to a URL: over HTTPS, or, if allowed, over plain HTTP to this machine. */
export function isSecure(url: URL, allowLoopback: boolean): boolean {
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url) && allowLoopback);
}

/** Returns the message that says why no token is sent to a URL, and what to do. */
export function insecureMessage(url: URL): string {
  return isLoopback(url)
    ? `Refused to send a token to ${url.origin} over plain HTTP. To allow it on this machine, set allowInsecureConnection.`
    : `Refused to send a token to ${url.origin} over plain HTTP, where it could be intercepted. Use HTTPS.`;
}
