import { StartError, type StartErrorCode } from "../startError.ts";
import { MountFailure } from "./mountCommand.ts";

type MountErrorKind = "Azure File" | "blob container" | "file server" | "unmanaged file system";

/** Codes and messages of the original service; it had none of its own for unmanaged file systems. */
const forms: Readonly<Record<MountErrorKind, { readonly code: StartErrorCode; readonly message: string }>> = {
  "Azure File": { code: "AZFMountError", message: "Unable to mount Azure File" },
  "blob container": { code: "BFSMountError", message: "unable to mount blob fuse file system" },
  "file server": { code: "NFSMountError", message: "Unable to mount file server" },
  "unmanaged file system": { code: "UnmanagedMountError", message: "Unable to mount unmanaged file system" },
};

/** Returns the error of a volume that cannot be mounted, in the form that the original service used. */
export function mountError(kind: MountErrorKind, volume: string, reason: string, cause?: unknown): StartError {
  const { code, message } = forms[kind];
  return new StartError(code, message, {
    details: [
      { name: "Volume", value: volume },
      { name: "Info", value: reason },
    ],
    cause,
  });
}

/**
 * Carries out the mounting of a volume. If the program that mounts it fails, rejects with the error of that kind.
 * @param advice - Says what to do, in sentences.
 */
export async function mountedOr<T>(
  kind: MountErrorKind,
  volume: string,
  advice: string,
  mounting: Promise<T>,
): Promise<T> {
  try {
    return await mounting;
  } catch (error) {
    if (!(error instanceof MountFailure)) throw error;
    throw mountError(kind, volume, [error.message, advice].filter(Boolean).join(" "), error);
  }
}

/** Returns a hint for a mount that failed; empty for root, which may mount anything. */
export function rightsAdvice(): string {
  return process.getuid?.() === 0
    ? ""
    : "Mounting needs rights that the user of the service may not have: run it as root.";
}
