import type { ValidationIssue } from "../../wire/validate.ts";

/** Settings of every toolkit that runs a Python script. */
export interface ScriptSettings {
  readonly pythonScriptFilePath?: string;
  readonly pythonInterpreterPath?: string;
}

/** Settings of most toolkits: a script and its arguments. */
export interface PythonSettings extends ScriptSettings {
  readonly commandLineArgs?: string;
}

/** Finds `python` when the line runs, or `python3` on a machine that has only that. */
const foundInterpreter = '"$(command -v python || echo python3)"';

/**
 * Returns the line `python SCRIPT ARGS`. The shell expands its parts, because they may use variables.
 * @param args - Arguments of the script. Default: those of the settings.
 */
export function pythonLine(settings: PythonSettings, args = settings.commandLineArgs): string {
  const { pythonInterpreterPath, pythonScriptFilePath = "" } = settings;
  const interpreter = pythonInterpreterPath ? wholeWord(pythonInterpreterPath) : foundInterpreter;
  return lineOf(interpreter, wholeWord(pythonScriptFilePath), args);
}

/** Joins the parts of a command line; absent and empty parts are left out. */
export function lineOf(...parts: readonly (string | undefined)[]): string {
  return parts.filter(Boolean).join(" ");
}

/** Quotes a path, so a variable whose value has spaces is one word. Leaves a path with shell syntax unchanged. */
export function wholeWord(path: string): string {
  return path.includes("$") && /^[\w${}./:@%+,=-]+$/.test(path) ? `"${path}"` : path;
}

/** Returns the problem of settings without a script. */
export function scriptIssues({ pythonScriptFilePath }: ScriptSettings, path: string, job: string): ValidationIssue[] {
  if (pythonScriptFilePath) return [];
  return [{ path: `${path}.pythonScriptFilePath`, message: `a script is needed to run a ${job} job.` }];
}
