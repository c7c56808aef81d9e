/** Names that bash can assign to. */
export const assignable = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
/** Those of them that bash keeps to itself, or that the scripts of the service use. */
export const readOnly =
  /^(BASH|BASHOPTS|BASHPID|BASH_(ALIASES|ARGC|ARGV0?|CMDS|COMMAND|EXECUTION_STRING|LINENO|SOURCE|SUBSHELL|VERSINFO|VERSION)|DIRSTACK|EUID|FUNCNAME|GROUPS|PPID|SHELLOPTS|UID|_|batchai_.*)$/;

/** Whether bash can assign to a variable, and so pass its value on without showing it to anybody. */
export function isAssignable(name: string): boolean {
  return assignable.test(name) && !readOnly.test(name);
}
