import { errorCode, reasonOf } from "../../../ground/systemErrors.ts";

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

  /** @param address - Address of the container engine. */
  constructor(address: string, cause: unknown) {
    super(`The container engine at ${address} does not respond: ${reasonOf(cause)}.`, { cause });
  }

  /** Whether no container engine listens: the request did not reach one. */
  get isAbsence(): boolean {
    return ["ENOENT", "ECONNREFUSED", "EACCES", "ENOTSOCK"].includes(errorCode(this.cause) ?? "");
  }
}

/** Whether an error means that what a request names does not exist. */
export function isNotFound(error: unknown): boolean {
  return error instanceof DaemonRefusal && error.status === 404;
}
