/** Settings that most toolkits share. */
export interface PythonSettings {
  readonly pythonScriptFilePath?: string;
  readonly pythonInterpreterPath?: string;
  readonly commandLineArgs?: string;
}

/** The line `python SCRIPT ARGS`. Its parts go through the shell on purpose: they may use variables. */
export function pythonLine(settings: PythonSettings): string {
  const { pythonInterpreterPath, pythonScriptFilePath, commandLineArgs } = settings;
  const interpreter = pythonInterpreterPath ? wholeWord(pythonInterpreterPath) : "python";
  return [interpreter, wholeWord(pythonScriptFilePath ?? ""), commandLineArgs].filter(Boolean).join(" ");
}

/** The same line, started `processCount` times by Open MPI over the nodes of the job. */
export function mpiLine(line: string, processCount: number): string {
  return `mpirun --allow-run-as-root --hostfile "$AZ_BATCHAI_MPI_HOST_FILE" -n ${processCount} ${line}`;
}

/** Quotes a path so that a variable whose value has spaces stays one word; a path with shell syntax is left alone. */
function wholeWord(path: string): string {
  return /^[\w${}./:@%+,=-]*\$[\w${}./:@%+,=-]*$/.test(path) ? `"${path}"` : path;
}
