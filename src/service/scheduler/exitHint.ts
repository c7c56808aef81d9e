import { constants } from "node:os";

const hints: Readonly<Record<number, string>> = {
  126: "The shell found a file of the command line but cannot execute it: make it executable (chmod +x), or start it with its interpreter.",
  127: "The shell did not find a command: check its name and path, or install the program in the job preparation.",
  137: "SIGKILL ended the process, in most cases because the machine ran out of memory: let the job use less memory.",
  139: "The process crashed with SIGSEGV, an invalid memory access: check that its native libraries fit each other and their interpreter.",
};

/** Some signals have two names; the first one is the usual one. */
const signals = new Map(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]): [number, string] => [number, name]),
);

/** Returns a sentence that says what an exit code means, and what to do; undefined for a code of the program's own. */
export function exitHint(exitCode: number): string | undefined {
  const hint = hints[exitCode];
  if (hint !== undefined) return hint;
  const signal = signals.get(exitCode - 128);
  if (signal === undefined) return undefined;
  return `The signal ${signal} ended the process: find out in its standard error who sent it, or why it was raised.`;
}
