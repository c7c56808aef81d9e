import type { KeyObject } from "node:crypto";
import { BlockList, isIP } from "node:net";
import { StorageError } from "../errors.ts";
import { isServiceVersion } from "../http/request.ts";
import type { StorageRequest } from "../http/request.ts";
import { BoundedMap } from "../records/boundedMap.ts";
import type { AccessPolicy, ShareAddress } from "../records/properties.ts";
import type { Access, Grant } from "./grant.ts";
import { equalSignatures, sign } from "./sharedKey.ts";
import { parseUtcTime } from "./utcTime.ts";

/** First version with the layout from `sp st se` to `rsct` that is checked here. The layout has not changed since. */
const oldestVersion = "2015-04-05";
const encryptionScopeVersion = "2020-12-06";
const responseOverrides = ["rscc", "rscd", "rsce", "rscl", "rsct"] as const;
const overriddenHeaders = [
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-type",
] as const;

/** Signed fields of a service SAS, by their names in the query string. */
export type ServiceSasFields = Readonly<Partial<Record<"sp" | "st" | "se" | "si" | "sip" | "spr" | "sv", string>>>;

/**
 * Returns the signature of a service SAS for `resource`, which is `/file/ACCOUNT/SHARE` or `/file/ACCOUNT/SHARE/PATH`.
 */
export function signServiceSas(
  key: KeyObject,
  resource: string,
  fields: ServiceSasFields,
  overrides: readonly string[] = [],
): string {
  return sign(key, serviceText(resource, fields, overrides));
}

function serviceText(resource: string, fields: ServiceSasFields, overrides: readonly string[]): string {
  const { sp = "", st = "", se = "", si = "", sip = "", spr = "", sv = "" } = fields;
  const rest = responseOverrides.map((_, index) => overrides[index] ?? "");
  return [sp, st, se, resource, si, sip, spr, sv, ...rest].join("\n");
}

/** Source of the stored access policies of shares. */
export interface AccessPolicies {
  /** Returns an access policy of a share; undefined if the share or the policy does not exist. */
  accessPolicy(share: ShareAddress, id: string): AccessPolicy | undefined;
}

/** Checks the shared access signature in the query string and returns what it grants. Throws if it is not valid. */
export function checkSas(request: StorageRequest, key: KeyObject, policies: AccessPolicies): Grant {
  const field = (name: string): string => request.query.get(name) ?? "";
  if (!isServiceVersion(field("sv")) || field("sv") < oldestVersion) throw new StorageError("AuthenticationFailed");
  const ofAccount = field("ss") !== "" || field("srt") !== "";
  const text = ofAccount ? accountTextOf(request) : serviceTextOf(request);
  if (!isSigned(key, text, field("sig"))) throw new StorageError("AuthenticationFailed");
  const { start, expiry, permission } = termsOf(request, ofAccount ? noPolicies : policies);
  checkPeriod(start, expiry);
  checkProtocol(field("spr"));
  checkAddress(field("sip"), request.message.socket.remoteAddress ?? "");
  const covers = ofAccount ? accountCovers(field("ss"), field("srt")) : serviceCovers(field("sr"));
  return {
    version: field("sv"),
    overrides: overridesOf(request),
    grants: (letter) => permission.includes(letter),
    check(access) {
      covers(access);
      if (![...access.permissions].some((letter) => permission.includes(letter))) {
        throw new StorageError("AuthorizationPermissionMismatch");
      }
    },
  };
}

const noPolicies: AccessPolicies = { accessPolicy: () => undefined };

/** Returns the times and permissions of a SAS. The stored access policy that it names supplies what the SAS omits. */
function termsOf(request: StorageRequest, policies: AccessPolicies): Omit<AccessPolicy, "id"> {
  const field = (name: string): string => request.query.get(name) ?? "";
  const signed = { start: field("st"), expiry: field("se"), permission: field("sp") };
  if (field("si") === "") return signed;
  const share = { accountName: request.account, shareName: request.share ?? "" };
  const policy = policies.accessPolicy(share, field("si"));
  // Deleting a policy revokes every signature that uses it.
  if (policy === undefined) throw new StorageError("AuthenticationFailed");
  return {
    start: oneOf(signed.start, policy.start, "st"),
    expiry: oneOf(signed.expiry, policy.expiry, "se"),
    permission: oneOf(signed.permission, policy.permission, "sp"),
  };
}

function oneOf(signed: string, stored: string, name: string): string {
  if (signed !== "" && stored !== "") throw new StorageError("InvalidQueryParameterValue", { subject: name });
  return signed === "" ? stored : signed;
}

/** Valid signatures, by key and signed text. Clients send the same signature with thousands of requests. */
const rightSignatures = new WeakMap<KeyObject, BoundedMap<string, string>>();
const mostSignatures = 1000;

function isSigned(key: KeyObject, text: string, signature: string): boolean {
  const known = rightSignatures.get(key) ?? new BoundedMap<string, string>(mostSignatures);
  rightSignatures.set(key, known);
  const right = known.get(text) ?? sign(key, text);
  const isRight = equalSignatures(signature, right);
  if (isRight) known.set(text, right);
  return isRight;
}

function serviceTextOf(request: StorageRequest): string {
  const overrides = responseOverrides.map((name) => request.query.get(name) ?? "");
  return serviceText(signedResource(request), Object.fromEntries(request.query), overrides);
}

function signedResource(request: StorageRequest): string {
  const share = `/file/${request.account}/${request.share ?? ""}`;
  const kind = request.query.get("sr");
  if (kind === "s") return share;
  if (kind === "f" && request.path.length > 0) return `${share}/${request.path.join("/")}`;
  throw new StorageError("AuthenticationFailed");
}

function accountTextOf(request: StorageRequest): string {
  const fields = ["sp", "ss", "srt", "st", "se", "sip", "spr", "sv"].map((name) => request.query.get(name) ?? "");
  const version = request.query.get("sv") ?? "";
  if (version >= encryptionScopeVersion) fields.push(request.query.get("ses") ?? "");
  return [request.account, ...fields, ""].join("\n");
}

/** The times of a SAS are UTC, to the second. A SAS without an expiry time would never expire, so it is rejected. */
function checkPeriod(start: string, end: string): void {
  const now = Date.now();
  const notBefore = start === "" ? now : parseUtcTime(start);
  const notAfter = parseUtcTime(end);
  if (!(notBefore <= now && now < notAfter)) throw new StorageError("AuthenticationFailed");
}

function checkProtocol(protocols: string): void {
  if (protocols !== "" && !protocols.split(",").includes("http")) {
    throw new StorageError("AuthorizationProtocolMismatch");
  }
}

function checkAddress(range: string, remoteAddress: string): void {
  if (range === "") return;
  const [first = "", last = first] = range.split("-");
  const address = remoteAddress.replace(/^::ffff:/, "");
  const allowed = new BlockList();
  if (isIP(first) === 4 && isIP(last) === 4 && isOrdered(first, last)) allowed.addRange(first, last, "ipv4");
  if (isIP(address) !== 4 || !allowed.check(address, "ipv4")) throw new StorageError("AuthorizationSourceIPMismatch");
}

function isOrdered(first: string, last: string): boolean {
  const number = (address: string): number => address.split(".").reduce((sum, byte) => sum * 256 + Number(byte), 0);
  return number(first) <= number(last);
}

function accountCovers(services: string, resourceTypes: string): (access: Access) => void {
  return (access) => {
    if (!services.includes("f")) throw new StorageError("AuthorizationServiceMismatch");
    if (!resourceTypes.includes(access.resourceType)) throw new StorageError("AuthorizationResourceTypeMismatch");
  };
}

function serviceCovers(kind: string): (access: Access) => void {
  const levels = kind === "f" ? ["file"] : ["file", "directory"];
  return (access) => {
    if (!levels.includes(access.level)) throw new StorageError("AuthorizationResourceTypeMismatch");
  };
}

function overridesOf(request: StorageRequest): Record<string, string> {
  const overrides: Record<string, string> = {};
  responseOverrides.forEach((name, index) => {
    const header = overriddenHeaders[index];
    const value = request.query.get(name);
    if (header !== undefined && value !== undefined && value !== "") overrides[header] = headerValue(name, value);
  });
  return overrides;
}

// eslint-disable-next-line no-control-regex -- control characters are exactly what no header may hold
const unsendable = /[\u0000-\u001F\u007F]/;

/** Returns the value of an overridden header. A value beyond Latin-1 is sent as its UTF-8 bytes. */
function headerValue(parameter: string, value: string): string {
  if (unsendable.test(value)) throw new StorageError("InvalidQueryParameterValue", { subject: parameter });
  return [...value].some((character) => character > "\u00FF") ? Buffer.from(value).toString("latin1") : value;
}
