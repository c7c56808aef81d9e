import { isLoopbackHost } from "../../ground/loopback.ts";

/**
 * Whether a `Host` header names this machine. This header reveals a web page that makes a browser call a loopback
 * address under another name (DNS rebinding).
 */
export function isLoopbackHostHeader(header: string | undefined): boolean {
  return isLoopbackHost((header ?? "").replace(/:\d+$/, ""));
}
