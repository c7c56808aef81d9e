import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** Creates an access token that cannot be guessed. */
export function newAccessToken(): string {
  return randomBytes(32).toString("base64url");
}

/** Result of the check of an `Authorization` header. */
export type Admission = "admitted" | "missing" | "wrong";

/** Checks an `Authorization: Bearer` header in constant time. */
export function admissionOf(authorization: string | undefined, token: string): Admission {
  const presented = /^Bearer +(\S+)$/i.exec(authorization ?? "")?.[1];
  if (presented === undefined) return "missing";
  return timingSafeEqual(digest(presented), digest(token)) ? "admitted" : "wrong";
}

function digest(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
