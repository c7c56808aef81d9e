/** Names that bash can assign to. */
export const assignable = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
/** Those of them that bash keeps to itself. */
export const readOnly = /^(BASHOPTS|BASH_VERSINFO|EUID|PPID|SHELLOPTS|UID)$/;

/** Whether bash can assign to a variable, and so pass its value on without showing it to anybody. */
export function isAssignable(name: string): boolean {
  return assignable.test(name) && !readOnly.test(name);
}
