import { errorCode } from "../../../ground/systemErrors.ts";
import { StartError, type StartErrorCode } from "../../startError.ts";

/** An error that another process or thread has reported. */
export interface SentFailure {
  readonly message: string;
  /** Code of the system error behind it, for example `EAGAIN`. */
  readonly code: string | undefined;
  /** Code for the author of the job, if the error is for them. */
  readonly startErrorCode?: StartErrorCode;
}

/** Returns an error in the form in which it is sent. */
export function failureOf(error: unknown): SentFailure {
  if (error instanceof StartError) {
    return { message: error.message, code: errorCode(error.cause), startErrorCode: error.code };
  }
  return { message: error instanceof Error ? error.message : String(error), code: errorCode(error) };
}

/** Returns the error that was sent. */
export function errorOf({ message, code, startErrorCode }: SentFailure): Error {
  const error = Object.assign(new Error(message), { code });
  return startErrorCode === undefined ? error : new StartError(startErrorCode, message, { cause: error });
}
