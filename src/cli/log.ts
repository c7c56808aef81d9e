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

/** Opens a log on standard error, with one JSON object in each line. */
export function openLog(level: string): Logger {
  return pino({ level, base: null }, pino.destination({ dest: 2, sync: true }));
}
