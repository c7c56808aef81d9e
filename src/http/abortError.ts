import { AbortError as CoreAbortError } from "@azure/abort-controller";
import type { AbortSignalLike } from "@azure/abort-controller";
import { isInstance, mark } from "./copies.ts";
import { errorJson } from "./errorJson.ts";

/** Facts about an aborted call. */
export interface AbortErrorFacts {
  /** Method that was called, for example `jobs.get`. */
  readonly operation: string;
  /** ARM ID of the resource; for lists, of the resource that contains the list. Absent if there is none. */
  readonly resource?: string;
  /** The `reason` of the signal. Absent if the signal has none. */
  readonly cause?: unknown;
}

/**
 * Reports that your `abortSignal` ended a call. Its `name` is `AbortError`, and its `cause` is the `reason` of the
 * signal, for example a `TimeoutError` of `AbortSignal.timeout`. The message says what continues in the service. Also an
 * instance of the `AbortError` of `@azure/abort-controller`.
 */
export class AbortError extends CoreAbortError {
  /** Method that was aborted, for example `jobs.get`. */
  readonly operation: string;
  /** ARM ID of the resource; for lists, of the resource that contains the list. Absent if there is none. */
  readonly resource: string | undefined;

  /**
   * @param message - Message for people.
   * @param facts - The operation, its resource and the reason of the signal.
   */
  constructor(message: string, { operation, resource, cause }: AbortErrorFacts) {
    super(message + reasonClause(cause));
    mark(this, "AbortError");
    this.operation = operation;
    this.resource = resource;
    if (cause !== undefined) {
      Object.defineProperty(this, "cause", { value: cause, enumerable: false, configurable: true, writable: true });
    }
  }

  /** Whether a value is an `AbortError`, also one of another copy of this package. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return isInstance(this, "AbortError", value);
  }

  /** Returns the error for `JSON.stringify`, with its name and message. */
  toJSON(): Record<string, unknown> {
    return errorJson(this);
  }
}

/** Adds the reason of the abort to the message, unless it only says that the signal was aborted. */
function reasonClause(cause: unknown): string {
  return cause instanceof Error && cause.name !== "AbortError" ? ` Reason: ${cause.message}` : "";
}

/** Whether an error reports an aborted signal, in this package, in core, or in the platform. */
export function isAbortError(error: unknown): error is Error {
  return error instanceof Error && error.name === "AbortError";
}

/** Returns the reason of the first aborted signal. */
export function abortReason(...signals: readonly (AbortSignalLike | undefined)[]): unknown {
  const aborted = signals.find((signal) => signal?.aborted);
  return aborted && "reason" in aborted ? aborted.reason : undefined;
}
