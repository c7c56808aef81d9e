import type { DaemonSecurity } from "./daemon.ts";

/** Returns the user and group that own the output afterwards; undefined if root in the container is that user anyway. */
export function ownerFor({ isRootless }: DaemonSecurity): string | undefined {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  return isRootless || uid === 0 ? undefined : `${String(uid)}:${String(gid)}`;
}
