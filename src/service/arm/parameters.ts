import { deserialize } from "../../wire/deserialize.ts";
import { applyDefaults } from "../../wire/defaults.ts";
import { validate } from "../../wire/validate.ts";
import type { ModelSchema } from "../../wire/schema.ts";
import { unknownProperties } from "../../wire/unknownProperties.ts";
import type { ArmContext, ArmRequest } from "./context.ts";
import { ArmError, invalidParameter } from "./errors.ts";

const resourceName = { pattern: /^[-\w]{1,64}$/, rule: "1 to 64 letters, digits, '-' or '_'" };
const resourceGroupName = {
  pattern: /^(?!.*\.$)[-\w.()]{1,90}$/u,
  rule: "1 to 90 letters, digits, '-', '_', '(', ')' or '.', and not end with '.'",
};
const locationName = { pattern: /^[-\w. ]{1,90}$/, rule: "a region such as eastus" };

/** Returns a path parameter that names a resource of Batch AI. */
export function nameIn(request: ArmRequest, parameter: string): string {
  return checkedName(request, parameter, resourceName);
}

/** Returns the path parameter that names a resource group. */
export function resourceGroupIn(request: ArmRequest): string {
  return checkedName(request, "resourceGroupName", resourceGroupName);
}

/** Returns the path parameter that names a region. */
export function locationIn(request: ArmRequest): string {
  return checkedName(request, "location", locationName);
}

/** Checks the name of a resource group. @throws ArmError if it is not valid. */
export function checkResourceGroupName(name: string): void {
  checkName(name, "resourceGroupName", resourceGroupName);
}

function checkedName(request: ArmRequest, parameter: string, form: typeof resourceName): string {
  const name = request.params[parameter] ?? "";
  checkName(name, parameter, form);
  return name;
}

function checkName(name: string, parameter: string, { pattern, rule }: typeof resourceName): void {
  if (pattern.test(name)) return;
  const message = `${parameter} must be ${rule}, got ${JSON.stringify(name.slice(0, 100))}.`;
  throw new ArmError("InvalidResourceName", message, { target: parameter });
}

/** Checks the region in a body. @throws ArmError if it is not valid. */
export function checkLocation(location: string): void {
  if (locationName.pattern.test(location)) return;
  throw invalidParameter([{ path: "location", message: `must be ${locationName.rule}` }]);
}

/** Returns a query parameter that is a whole number within limits. */
export function integerIn(
  request: ArmRequest,
  parameter: string,
  limits: { min: number; max: number; default: number },
): number {
  const value = queryIn(request, parameter);
  if (value === undefined) return limits.default;
  const number = /^\d{1,9}$/.test(value) ? Number(value) : NaN;
  if (number >= limits.min && number <= limits.max) return number;
  const rule = `must be an integer from ${String(limits.min)} to ${String(limits.max)}, got ${JSON.stringify(value.slice(0, 100))}`;
  throw invalidParameter([{ path: parameter, message: rule }]);
}

/** Returns a query parameter, in any case; undefined if it is absent. */
export function queryIn(request: ArmRequest, parameter: string): string | undefined {
  const entry = Object.entries(request.query).find(([name]) => name.toLowerCase() === parameter.toLowerCase());
  const value = entry?.[1];
  if (Array.isArray(value)) throw invalidParameter([{ path: parameter, message: "must be given once" }]);
  return value;
}

/** Longest path of an unknown property in the log. */
const longestPath = 200;

/**
 * Returns the body of a request, checked with its wire table. Adds defaults, and removes properties that the API does not
 * have or that only the service sets.
 * @throws ArmError if the body is not valid, or has a property that is almost one of the API.
 */
export function bodyIn<T extends object>({ logger }: ArmContext, request: ArmRequest, schema: ModelSchema<T>): T {
  const { body } = request;
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new ArmError("InvalidRequestContent", "The request needs a body: a JSON object.", { target: "body" });
  }
  const { nearMisses, others } = unknownProperties(schema, body);
  const issues = [...nearMisses, ...validate(schema, body, { view: "wire", path: "" })];
  if (issues.length > 0) throw invalidParameter(issues);
  if (others.length > 0) {
    const properties = others.map((path) => path.slice(0, longestPath));
    logger.debug({ properties }, "ignored unknown properties of a request");
  }
  return applyDefaults(schema, deserialize(schema, body, { unknown: "drop", readOnly: "drop" }));
}
