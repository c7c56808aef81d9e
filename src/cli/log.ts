import { Option } from "commander";
import { pino } from "pino";
import type { Logger } from "pino";

/** Option that tells how much is logged. */
export function logLevelOption(): Option {
  const levels = ["debug", "info", "warn", "error", "silent"];
  return new Option("--log-level <level>", "what goes to standard error").choices(levels).default("info");
}

/** Log on standard error, one JSON object a line. */
export function openLog(level: string): Logger {
  return pino({ level, base: null }, pino.destination({ dest: 2, sync: true }));
}
