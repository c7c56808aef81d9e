import { isLoopbackHost } from "../../ground/loopback.ts";

/**
 * Whether a `Host` header names this machine. A false value exposes DNS rebinding: a web page that makes a browser call
 * a loopback address under another name.
 */
export function isLoopbackHostHeader(header: string | undefined): boolean {
  return isLoopbackHost((header ?? "").replace(/:\d+$/, ""));
}
