import type { ValidationIssue } from "../../wire/validate.ts";

/** Returns a problem for each of these settings that is present. */
export function notAllowed(
  settings: Readonly<Record<string, unknown>>,
  path: string,
  reason: string,
): ValidationIssue[] {
  return Object.entries(settings)
    .filter(([, value]) => value !== undefined)
    .map(([name]) => ({ path: `${path}.${name}`, message: `is not allowed ${reason}` }));
}
