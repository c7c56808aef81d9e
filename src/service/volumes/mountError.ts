import { StartError } from "../startError.ts";

const codes = { "Azure File": "AZFMountError", "file server": "NFSMountError" } as const;

/** Returns the error of a volume that cannot be mounted, in the form that the original service used. */
export function mountError(kind: keyof typeof codes, volume: string, reason: string, cause?: unknown): StartError {
  return new StartError(codes[kind], `Unable to mount ${kind}`, {
    details: [
      { name: "Volume", value: volume },
      { name: "Info", value: reason },
    ],
    cause,
  });
}
