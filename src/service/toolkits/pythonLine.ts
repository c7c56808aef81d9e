/** Settings that most toolkits have. */
export interface PythonSettings {
  readonly pythonScriptFilePath?: string;
  readonly pythonInterpreterPath?: string;
  readonly commandLineArgs?: string;
}

/** Returns the line `python SCRIPT ARGS`. The shell expands its parts, because they may use variables. */
export function pythonLine(settings: PythonSettings): string {
  const { pythonInterpreterPath, pythonScriptFilePath, commandLineArgs } = settings;
  const interpreter = pythonInterpreterPath ? wholeWord(pythonInterpreterPath) : "python";
  return [interpreter, wholeWord(pythonScriptFilePath ?? ""), commandLineArgs].filter(Boolean).join(" ");
}

/** Returns a line with which Open MPI starts `processCount` processes on the nodes of the job. */
export function mpiLine(line: string, processCount: number): string {
  return `mpirun --allow-run-as-root --hostfile "$AZ_BATCHAI_MPI_HOST_FILE" -n ${processCount} ${line}`;
}

/** Quotes a path, so a variable whose value has spaces is one word. Leaves a path with shell syntax unchanged. */
function wholeWord(path: string): string {
  return path.includes("$") && /^[\w${}./:@%+,=-]+$/.test(path) ? `"${path}"` : path;
}
