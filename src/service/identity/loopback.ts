import { isIPv4 } from "node:net";

/** Whether a host name or address can only mean this machine. */
export function isLoopbackHost(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[(.*)\]$/, "$1");
  return name === "localhost" || name === "::1" || (isIPv4(name) && name.startsWith("127."));
}

/**
 * Whether a `Host` header names this machine. This header reveals a web page that makes a browser call a loopback
 * address under another name (DNS rebinding).
 */
export function isLoopbackHostHeader(header: string | undefined): boolean {
  return isLoopbackHost((header ?? "").replace(/:\d+$/, ""));
}
