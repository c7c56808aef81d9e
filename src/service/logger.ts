/**
 * Where the service tells what it does. Any pino logger fits. Messages and details never hold secrets.
 */
export interface Logger {
  debug(details: Record<string, unknown>, message: string): void;
  info(details: Record<string, unknown>, message: string): void;
  warn(details: Record<string, unknown>, message: string): void;
  error(details: Record<string, unknown>, message: string): void;
}

/** Drops everything: the default of an embedded service. */
export const silentLogger: Logger = { debug() {}, info() {}, warn() {}, error() {} };
