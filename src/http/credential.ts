import type { TokenCredential } from "@azure/core-auth";

/**
 * Creates a credential that always returns the same token, for example the token of a local service.
 *
 * @param token - The token. Printing the credential does not reveal it.
 * @throws TypeError if the token is empty or not a string.
 */
export function tokenCredential(token: string): TokenCredential {
  if (typeof token !== "string")
    throw new TypeError(`tokenCredential: the token must be a string, got ${typeof token}`);
  if (token === "") throw new TypeError("tokenCredential: the token is empty");
  if (!/^[\x21-\x7e]+$/.test(token)) throw new TypeError("tokenCredential: the token has characters that no token has");
  return { getToken: () => Promise.resolve({ token, expiresOnTimestamp: Number.MAX_SAFE_INTEGER }) };
}
