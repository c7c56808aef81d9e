/** Options and operands of a call of a program of Slurm. */
export interface FakeArguments {
  /** Values of the options by their long names; an empty text for an option without a value. */
  readonly options: Readonly<Record<string, string>>;
  readonly operands: readonly string[];
}

const longNames: Readonly<Record<string, string>> = {
  "-h": "noheader",
  "-t": "states",
  "-o": "format",
  "-u": "user",
  "-n": "name",
  "-j": "jobs",
  "-N": "nodes",
  "-J": "job-name",
  "-p": "partition",
  "-s": "signal",
};
/** Options that have a value in the next argument if it is not in the same one. */
const withValue = new Set(["states", "format", "user", "name", "jobs", "nodes", "job-name", "partition", "signal"]);
/** Splits arguments into options and operands. Options end at the first operand if `untilOperand` is set. */
export function parseArguments(args: readonly string[], untilOperand: boolean): FakeArguments {
  const options: Record<string, string> = {};
  const rest = [...args];
  const operands: string[] = [];
  while (rest.length > 0) {
    const word = rest.shift() ?? "";
    if (!word.startsWith("-")) {
      operands.push(word);
      if (untilOperand) break;
      continue;
    }
    const [, long, value] = /^--([^=]*)(?:=(.*))?$/s.exec(word) ?? [];
    const name = long ?? longNames[word.slice(0, 2)] ?? word.slice(1, 2);
    if (value !== undefined) options[name] = value;
    else if (long === undefined && word.length > 2) options[name] = word.slice(2);
    else options[name] = withValue.has(name) ? (rest.shift() ?? "") : "";
  }
  return { options, operands: [...operands, ...rest] };
}
