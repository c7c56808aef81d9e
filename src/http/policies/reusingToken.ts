import type { AccessToken, TokenCredential } from "@azure/core-auth";
import { replaying } from "./replaying.ts";
import { authorizing } from "./tokenPolicy.ts";
import type { Authorize } from "./tokenPolicy.ts";

/**
 * Adds tokens to the requests of a client. Core's policy costs time, and is only necessary to get or renew a token, and
 * to respond to a challenge of the service.
 */
export function reusingToken(credential: TokenCredential, scopes: string | string[]): Authorize {
  const tokens = keepingLast(credential);
  const authorize = authorizing(tokens, scopes);
  return async (request, next) => {
    const token = tokens.last();
    if (token === undefined || !isFresh(token)) return authorize(request, next);
    request.headers.set("Authorization", `${token.tokenType ?? "Bearer"} ${token.token}`);
    const response = await next(request);
    return response.status === 401 ? authorize(request, replaying(response, next)) : response;
  };
}

/** A credential that remembers its last token. */
interface RememberingCredential extends TokenCredential {
  last(): AccessToken | undefined;
}

/**
 * Remembers the last token. All requests share a token, so no request passes its `abortSignal` on: an abort of the
 * request that happens to get the token must not reject the others.
 */
function keepingLast(credential: TokenCredential): RememberingCredential {
  let last: AccessToken | undefined;
  return {
    last: () => last,
    async getToken(scopes, { abortSignal: _, ...options } = {}) {
      const token = await credential.getToken(scopes, options);
      last = token ?? undefined;
      return token;
    },
  };
}

/** Time in milliseconds before the expiry of a token in which core's policy renews it: 2 minutes, and a reserve. */
const renewalInMs = 5 * 60_000;

function isFresh({ expiresOnTimestamp, refreshAfterTimestamp = Infinity }: AccessToken): boolean {
  const now = Date.now();
  return now < expiresOnTimestamp - renewalInMs && now < refreshAfterTimestamp;
}
