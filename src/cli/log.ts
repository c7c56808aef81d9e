import { Option } from "commander";
import type { Logger } from "pino";

/** Option that tells how much is logged. */
export function logLevelOption(): Option {
  const levels = ["debug", "info", "warn", "error", "silent"];
  return new Option("--log-level <level>", "what goes to standard error").choices(levels).default("info");
}

/** Log on standard error, one JSON object a line. */
export async function openLog(level: string): Promise<Logger> {
  const { pino } = await import("pino");
  return pino({ level, base: null }, pino.destination({ dest: 2, sync: true }));
}
