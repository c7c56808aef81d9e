import { describeExpected, describeValue, fits } from "./constraints.ts";
import { isJsonObject, read } from "./jsonObject.ts";
import { memberOf } from "./reference.ts";
import type { AnyModel, AnyType, ModelSchema, WireProperty } from "./schema.ts";

/** One issue of an invalid value. */
export interface ValidationIssue {
  /** Path of the property, for example `properties.scaleSettings.manual.targetNodeCount`. */
  readonly path: string;
  /** Message, for example `must be an integer of at least 0, got "two"`. Never contains a secret. */
  readonly message: string;
}

/** Options of `validate`. */
export interface ValidateOptions {
  /** View of the value: a model or a JSON body. The issues contain the paths of this view. */
  view: "model" | "wire";
  /** Start of the paths, for example `parameters`. Empty: no common start. */
  path: string;
}

/**
 * Validates a value before it is sent, or after it was received. Returns its issues, at most 100; the list is empty if
 * the value is valid. Accepts unknown properties, unknown values of open enumerations, and properties that only the service sets.
 * Treats `null` as absent.
 */
export function validate<T>(schema: ModelSchema<T>, value: unknown, options: ValidateOptions): ValidationIssue[] {
  const issues: ValidationIssue[] = [];
  checkModel(schema, value, options.path, { view: options.view, issues });
  return issues;
}

/** More issues help nobody, and a list of a million wrong items would fill the memory. */
const mostIssues = 100;

interface Check {
  readonly view: "model" | "wire";
  readonly issues: ValidationIssue[];
}

function checkModel(model: AnyModel, value: unknown, path: string, check: Check): void {
  if (!isJsonObject(value)) {
    check.issues.push({ path: path === "" ? "body" : path, message: `must be an object, got ${describeValue(value)}` });
    return;
  }
  const broken = check.view === "wire" ? brokenContainers(model, value) : [];
  for (const name of broken) {
    check.issues.push({ path: join(path, name), message: `must be an object, got ${describeValue(value[name])}` });
  }
  for (const [name, property] of Object.entries(model.properties)) {
    if (property.readOnly) continue;
    const where = check.view === "wire" ? property.path : name;
    if (broken.some((container) => where.startsWith(`${container}.`))) continue;
    const member = check.view === "wire" ? read(value, where) : memberOf(model, value, name);
    checkMember(property, member, join(path, where), check);
  }
}

function brokenContainers(model: AnyModel, body: Record<string, unknown>): string[] {
  return model.containers.filter((name) => {
    const container = body[name];
    return container !== undefined && container !== null && !isJsonObject(container);
  });
}

function checkMember(property: WireProperty, value: unknown, path: string, check: Check): void {
  if (check.issues.length >= mostIssues) return;
  if (value === undefined || value === null) {
    if (property.required) check.issues.push({ path, message: "is required" });
  } else if (property.secret) {
    if (!fits(property.type, value, check.view)) {
      check.issues.push({ path, message: `must be ${describeExpected(property.type, check.view)}` });
    }
  } else {
    checkValue(property.type, value, path, check);
  }
}

function checkValue(type: AnyType, value: unknown, path: string, check: Check): void {
  if (check.issues.length >= mostIssues) return;
  if (type.kind === "model") {
    checkModel(type.schema(), value, path, check);
  } else if (!fits(type, value, check.view)) {
    const message = `must be ${describeExpected(type, check.view, value)}, got ${describeValue(value, type)}`;
    check.issues.push({ path, message });
  } else if (type.kind === "array" && Array.isArray(value)) {
    value.forEach((item: unknown, index) => checkValue(type.items, item, `${path}[${index}]`, check));
  } else if (type.kind === "map" && isJsonObject(value)) {
    for (const [name, member] of Object.entries(value)) {
      if (member !== null && member !== undefined) checkValue(type.values, member, join(path, name), check);
    }
  }
}

function join(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}
