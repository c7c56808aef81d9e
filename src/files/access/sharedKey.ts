import { createHmac, timingSafeEqual } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { compareText } from "../disk/names.ts";
import { StorageError } from "../errors.ts";
import type { StorageRequest } from "../http/request.ts";

const longestSkew = 15 * 60 * 1000;
const signedHeaders = [
  "content-language",
  "content-encoding",
  "content-length",
  "content-md5",
  "content-type",
  "date",
  "if-modified-since",
  "if-match",
  "if-none-match",
  "if-unmodified-since",
  "range",
];

/** Returns the HMAC-SHA256 of `text` with an account key, in Base64. */
export function sign(key: KeyObject, text: string): string {
  return createHmac("sha256", key).update(text, "utf8").digest("base64");
}

/** Compares two signatures in a time that does not depend on their first difference. */
export function equalSignatures(given: string, expected: string): boolean {
  const left = Buffer.from(given);
  const right = Buffer.from(expected);
  return left.length === right.length && timingSafeEqual(left, right);
}

/** Checks an `Authorization: SharedKey ACCOUNT:SIGNATURE` header. Throws unless the request is signed with `key`. */
export function checkSharedKey(request: StorageRequest, authorization: string, key: KeyObject): void {
  const [, account, signature] = /^SharedKey ([a-z0-9]+):([A-Za-z0-9+/=]+)$/.exec(authorization) ?? [];
  if (account === undefined || signature === undefined) throw new StorageError("InvalidAuthenticationInfo");
  checkDate(request);
  if (account !== request.account || !isSignedWith(request, signature, key)) {
    throw new StorageError("AuthenticationFailed");
  }
}

function isSignedWith(request: StorageRequest, signature: string, key: KeyObject): boolean {
  for (const text of stringsToSign(request)) if (equalSignatures(signature, sign(key, text))) return true;
  return false;
}

/** Limits how long a captured request can be replayed. */
function checkDate(request: StorageRequest): void {
  const sent = Date.parse(request.header("x-ms-date") ?? request.header("date") ?? "");
  if (!(Math.abs(Date.now() - sent) <= longestSkew)) throw new StorageError("AuthenticationFailed");
}

/**
 * Returns the texts that clients may sign for this request. There is more than one, because clients differ in three
 * details: the order of the x-ms headers (ordinal, or that of the .NET culture), whether empty query parameters count,
 * and whether a Date header counts next to x-ms-date.
 */
function* stringsToSign(request: StorageRequest): Generator<string> {
  const starts = new Set([startOf(request, request.header("date"))]);
  if (request.header("x-ms-date") !== undefined) starts.add(startOf(request, undefined));
  for (const orderKey of [ordinalKey, cultureKey]) {
    const headers = canonicalHeaders(request, orderKey);
    for (const keepEmpty of [false, true]) {
      for (const start of starts) yield `${start}\n${headers}${canonicalResource(request, keepEmpty)}`;
    }
  }
}

function startOf(request: StorageRequest, date = ""): string {
  const standard = signedHeaders.map((name) => {
    if (name === "date") return date;
    const value = request.header(name) ?? "";
    return name === "content-length" && value === "0" ? "" : value;
  });
  return [request.method, ...standard].join("\n");
}

function canonicalHeaders(request: StorageRequest, orderKey: (name: string) => string): string {
  return Object.keys(request.message.headers)
    .filter((name) => name.startsWith("x-ms-"))
    .sort((left, right) => compareText(orderKey(left), orderKey(right)))
    .map((name) => `${name}:${request.header(name) ?? ""}\n`)
    .join("");
}

function ordinalKey(name: string): string {
  return name;
}

/** The culture order of .NET ignores hyphens and sorts underscores before digits and letters. */
function cultureKey(name: string): string {
  return name.replaceAll("-", "").replaceAll("_", " ");
}

function canonicalResource(request: StorageRequest, keepEmpty: boolean): string {
  const parameters = [...request.query]
    .filter(([, value]) => keepEmpty || value !== "")
    .sort(([left], [right]) => compareText(left, right))
    .map(([name, value]) => `\n${name}:${value}`);
  return `/${request.account}${request.encodedPath}${parameters.join("")}`;
}
