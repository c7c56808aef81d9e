/**
 * Where the service tells what it does. Any pino logger fits. Messages and details never hold secrets.
 */
export interface Logger {
  /** Every request, without its query. */
  debug(details: Record<string, unknown>, message: string): void;
  /** What people want to follow: runs that begin, end, or are found again. */
  info(details: Record<string, unknown>, message: string): void;
  /** What went wrong without harm. */
  warn(details: Record<string, unknown>, message: string): void;
  /** What went wrong and needs somebody to look at it. */
  error(details: Record<string, unknown>, message: string): void;
}

/** Drops everything: the default of an embedded service. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
