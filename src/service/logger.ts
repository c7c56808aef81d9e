/**
 * Receiver of log messages. A pino logger fits. Messages and details never contain secrets.
 */
export interface Logger {
  /** Called for every request, without its query. */
  debug(details: Record<string, unknown>, message: string): void;
  /** Called for what people want to follow: runs that start, end, or are recovered. */
  info(details: Record<string, unknown>, message: string): void;
  /** Called for failures without harm. */
  warn(details: Record<string, unknown>, message: string): void;
  /** Called for failures that need attention. */
  error(details: Record<string, unknown>, message: string): void;
}

/** Drops all messages: the default of an embedded service. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/**
 * Returns a logger that never throws: what a message cannot be written to (a full disk, a closed pipe) must not keep
 * a run from being followed.
 */
export function sturdyLogger(logger: Logger): Logger {
  const sturdy = (level: keyof Logger) => (details: Record<string, unknown>, message: string) => {
    try {
      logger[level](details, message);
    } catch {
      // There is no other place to report it.
    }
  };
  return { debug: sturdy("debug"), info: sturdy("info"), warn: sturdy("warn"), error: sturdy("error") };
}
