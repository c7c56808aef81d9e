/** A file or folder could not be transferred. Its `name` is `TransferError`; the message says which one, and why. */
export class TransferError extends Error {
  /** Path below the transferred folder, with `/`. */
  readonly path: string;
  /** Code of the reason, for example `ENOSPC` or `AuthenticationFailed`. Absent when it has none. */
  readonly code: string | undefined;

  /**
   * @param operation - The function that was called, for example `uploadDirectory`.
   * @param path - Path below the transferred folder.
   * @param reason - What went wrong: an error, or a sentence.
   */
  constructor(operation: string, path: string, reason: unknown) {
    const code = reason instanceof Error && "code" in reason ? String(reason.code) : undefined;
    const said = reason instanceof Error ? firstLineOf(reason.message) : String(reason);
    super(`${operation}: ${path}: ${said}${code === undefined || said.includes(code) ? "" : ` [${code}]`}`);
    this.name = "TransferError";
    this.path = path;
    this.code = code;
  }
}

/** Messages of the storage go on with the request's id, its time and its headers. */
function firstLineOf(message: string): string {
  return message.split("\n", 1)[0]?.trim() ?? "";
}
