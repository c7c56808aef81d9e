import { Option } from "commander";
import { pino } from "pino";
import type { Logger } from "pino";

/** Creates the option that sets the log level. */
export function logLevelOption(): Option {
  const levels = ["debug", "info", "warn", "error", "silent"];
  return new Option("--log-level <level>", "least severe level that is logged to standard error")
    .choices(levels)
    .default("info");
}

/** Most bytes of the log to keep in memory while it cannot be written; later lines are lost. */
const mostBytesToKeep = 1024 * 1024;

/** Opens a log on standard error, with one JSON object in each line. */
export function openLog(level: string): Logger {
  const destination = pino.destination({ dest: 2, sync: true, maxLength: mostBytesToKeep });
  // A log that cannot be written, for example on a full disk, must not end the service.
  destination.on("error", () => undefined);
  return pino({ level, base: null }, destination);
}
