import { longestCommandLine } from "../textLimits.ts";
import { ArmError, invalidParameter } from "./errors.ts";

/** Most levels of objects and lists in each other. The deepest body of the API has eight. */
const deepest = 32;
/** Most items of a list, and most members of an object. */
const mostItems = 1000;
/** Longest text and name in bytes: no text of the API is longer than a command line. */
const longestText = longestCommandLine;

/** A value of a body, with its path and its depth. */
interface Place {
  readonly value: unknown;
  readonly path: string;
  readonly depth: number;
}

/**
 * Checks the size of a parsed body, before anything walks it by recursion or copies it.
 * @throws ArmError 400 that names the value that is too large.
 */
export function checkBodyLimits(body: unknown): void {
  const places: Place[] = [{ value: body, path: "", depth: 0 }];
  for (let place = places.pop(); place !== undefined; place = places.pop()) {
    const { value, path, depth } = place;
    if (typeof value === "string") checkText(value, path);
    if (typeof value !== "object" || value === null) continue;
    if (depth >= deepest) {
      const message = `The body of the request has more than ${String(deepest)} levels of objects and lists.`;
      throw new ArmError("InvalidRequestContent", message, { target: "body" });
    }
    places.push(...membersOf(value, path, depth + 1));
  }
}

function membersOf(value: object, path: string, depth: number): Place[] {
  const isList = Array.isArray(value);
  const count = isList ? value.length : Object.keys(value).length;
  if (count > mostItems) {
    const message = `must have at most ${String(mostItems)} ${isList ? "items" : "members"}, got ${String(count)}`;
    throw invalidParameter([{ path: path || "body", message }]);
  }
  return Object.entries(value).map(([name, member]: [string, unknown]) => {
    checkText(name, path);
    return { value: member, path: isList ? `${path}[${name}]` : [path, name].filter(Boolean).join("."), depth };
  });
}

function checkText(text: string, path: string): void {
  if (text.length <= longestText / 4 || Buffer.byteLength(text) <= longestText) return;
  throw invalidParameter([{ path: path || "body", message: `must have at most ${String(longestText)} bytes` }]);
}
