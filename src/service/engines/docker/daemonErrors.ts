import { errorCode, reasonOf } from "../../../ground/systemErrors.ts";
import { OddResponse } from "./shapes.ts";

/** Reports that a container engine has refused a request. The message is that of the engine. */
export class DaemonRefusal extends Error {
  override readonly name = "DaemonRefusal";
  /** HTTP status. The engines use different ones for the same problem. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Reports that a request has no complete response. The container engine may have carried it out, or not. */
export class DaemonSilence extends Error {
  override readonly name = "DaemonSilence";
  /** Code of the system error behind it, for example `EACCES`. */
  readonly causeCode: string | undefined;

  /** @param address - Address of the container engine. */
  constructor(address: string, cause: unknown) {
    super(messageOf(address, cause), { cause });
    this.causeCode = errorCode(cause);
  }
}

function messageOf(address: string, cause: unknown): string {
  if (cause instanceof OddResponse) return `The container engine at ${address} cannot be understood: ${cause.message}.`;
  if (errorCode(cause) !== "EACCES") return `The container engine at ${address} does not respond: ${reasonOf(cause)}.`;
  return (
    `The user of the service may not use the container engine at ${address}. ` +
    "Add the user to the group of the socket, for example with usermod -aG docker USER, and start the service again."
  );
}

/**
 * Whether an error means that podman was killed while it removed a container. Without its files, the container has no
 * process. podman can remove it, but refuses to inspect it, and every list that would show it.
 */
export function isHalfRemoved(error: unknown): boolean {
  return error instanceof DaemonRefusal && error.status === 500 && /container not known/i.test(error.message);
}

const shortages =
  /no space left on device|quota exceeded|resource temporarily unavailable|cannot allocate memory|too many open files|context deadline exceeded|database is locked/i;

/** Whether an error means that an engine, or its machine, lacks something for the moment. */
export function isShortageOfEngine(error: unknown): boolean {
  if (error instanceof DaemonSilence) return true;
  if (error instanceof DaemonRefusal && [502, 503, 504].includes(error.status)) return true;
  return error instanceof Error && shortages.test(error.message);
}

/** Whether an error means that what a request names does not exist. Not so if the engine does not know the request. */
export function isNotFound(error: unknown): boolean {
  return error instanceof DaemonRefusal && error.status === 404 && !/page not found/i.test(error.message);
}
