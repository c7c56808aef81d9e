import type { ValidationIssue } from "../wire/validate.ts";
import type { ServiceContext } from "./context.ts";
import { ValidationError } from "./validationError.ts";

interface NameRule {
  readonly pattern: RegExp;
  readonly expected: string;
}

const region: NameRule = { pattern: /^[-\w.]+$/, expected: "made of letters, digits, `-`, `_` and `.`" };
const resourceGroup: NameRule = {
  pattern: /^[-\p{L}\p{Nd}_.()]{1,90}$/u,
  expected: "1 to 90 letters, digits, `-`, `_`, `.`, `(` and `)`",
};
const resource: NameRule = { pattern: /^[-\w]{1,64}$/, expected: "1 to 64 letters, digits, `-` and `_`" };
const nameRules: Readonly<Record<string, NameRule>> = { resourceGroupName: resourceGroup, location: region };

/** A path with placeholders such as `{jobName}`, and their values. */
export interface PathTemplate {
  /** For example `/subscriptions/{subscriptionId}/providers/Microsoft.BatchAI/workspaces`. */
  readonly path: string;
  /** Values of the placeholders in their order, without `subscriptionId`, which comes from the context. */
  readonly names?: readonly string[];
  /** Query parameters; `api-version` comes from the context. */
  readonly query?: Readonly<Record<string, unknown>>;
}

/** Creates the URL of a request. Checks and encodes the names, so no name can change the path of the URL. */
export function buildUrl(context: ServiceContext, operation: string, template: PathTemplate): string {
  const names = (template.names ?? []).values();
  let path = "";
  templateParts(template.path).forEach((part, index) => {
    if (index % 2 === 0) {
      path += part;
      return;
    }
    const value = part === "subscriptionId" ? context.subscriptionId : names.next().value;
    path += encodedName(context, operation, part, value);
  });
  return `${context.endpoint}${path}?${queryOf(context, template.query)}`;
}

const knownParts = new Map<string, readonly string[]>();

/** Splits a path into text and placeholder names, alternately. Caches the result, because there are few paths. */
function templateParts(path: string): readonly string[] {
  const known = knownParts.get(path);
  if (known !== undefined) return known;
  const parts = path.split(/[{}]/);
  knownParts.set(path, parts);
  return parts;
}

function encodedName({ validate }: ServiceContext, operation: string, name: string, value: string | undefined): string {
  const issue = checkName(name, value, validate);
  if (issue) throw new ValidationError(operation, [issue]);
  return encodeURIComponent(value ?? "");
}

function queryOf({ apiVersion }: ServiceContext, query: PathTemplate["query"]): string {
  // Most requests have no other query, and `URLSearchParams` is slow.
  if (query === undefined) return `api-version=${encodeURIComponent(apiVersion)}`;
  const parameters = new URLSearchParams({ "api-version": apiVersion });
  for (const [name, value] of Object.entries(query)) parameters.set(name, String(value));
  return parameters.toString();
}

function checkName(name: string, value: unknown, strict: boolean): ValidationIssue | undefined {
  if (typeof value !== "string" || value === "") return { path: name, message: "is required" };
  if (value === "." || value === "..") return { path: name, message: `must not be "${value}"` };
  if (!strict || name === "subscriptionId") return undefined;
  const { pattern, expected } = nameRules[name] ?? resource;
  return pattern.test(value) ? undefined : { path: name, message: `must be ${expected}, got ${JSON.stringify(value)}` };
}
