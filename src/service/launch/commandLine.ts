import { StartError } from "../startError.ts";
import { longestCommandLine } from "../textLimits.ts";
import { bytesOf } from "./limits.ts";

/**
 * Checks a command line.
 * @throws StartError if Linux would not start it.
 */
export function checkCommandLine(commandLine: string, property: string): void {
  if (commandLine.includes("\0")) {
    throw new StartError("InvalidCommandLine", "the command line contains a NUL character.", { target: property });
  }
  if (bytesOf(commandLine) <= longestCommandLine) return;
  const reason = `the command line has more than ${String(longestCommandLine)} bytes. Put it in a script, and run that.`;
  throw new StartError("InvalidCommandLine", reason, { target: property });
}
