import type { AccessToken, TokenCredential } from "@azure/core-auth";
import {
  bearerTokenAuthenticationPolicy,
  bearerTokenAuthenticationPolicyName,
  proxyPolicyName,
} from "@azure/core-rest-pipeline";
import type {
  Pipeline,
  PipelinePolicy,
  PipelineRequest,
  PipelineResponse,
  SendRequest,
} from "@azure/core-rest-pipeline";
import { restError } from "../restError.ts";
import { replaying } from "./replaying.ts";
import { insecureMessage, isSecure } from "../secureUrl.ts";

/** Options of a token policy. */
export interface TokenPolicyOptions {
  credential: TokenCredential;
  scopes: string | string[];
  /** The only origin that may receive the token. Absent: any safe origin. */
  origin?: string;
  /** Whether to treat plain HTTP to this machine as safe. */
  allowLoopback: boolean;
}

/**
 * Adds the token to every request whose URL may receive it. Rejects every other request: plain HTTP to another machine,
 * and any origin other than the client's, regardless of where the URL came from.
 */
export function tokenPolicy({ credential, scopes, origin, allowLoopback }: TokenPolicyOptions): PipelinePolicy {
  const tokens = keepingLast(credential);
  const bearer = bearerTokenAuthenticationPolicy({ credential: tokens, scopes });
  const secureOrigin = origin !== undefined && isSecure(new URL(origin), allowLoopback) ? origin : undefined;
  return {
    name: bearerTokenAuthenticationPolicyName,
    async sendRequest(request, next) {
      if (secureOrigin === undefined || !isPlainlyWithin(secureOrigin, request.url)) {
        const url = new URL(request.url);
        if (origin !== undefined) rejectOtherOrigin(url, origin, request);
        rejectInsecure(url, allowLoopback, request);
      }
      const token = tokens.last();
      if (token === undefined || !isFresh(token)) return authorized(bearer, request, next);
      // Core's policy is only necessary to get or renew a token, and to respond to a challenge of the service.
      request.headers.set("Authorization", `${token.tokenType ?? "Bearer"} ${token.token}`);
      const response = await next(request);
      return response.status === 401 ? authorized(bearer, request, replaying(response, next)) : response;
    },
  };
}

/**
 * Sends a request through core's policy, which rejects plain HTTP by the scheme of the URL. The URL has already been
 * checked, so that policy gets it with https, and its caching, renewal and challenges work as usual.
 */
async function authorized(
  bearer: PipelinePolicy,
  request: PipelineRequest,
  next: SendRequest,
): Promise<PipelineResponse> {
  if (/^https:/i.test(request.url)) return bearer.sendRequest(request, next);
  const address = request.url;
  request.url = address.replace(/^http:/i, "https:");
  try {
    return await bearer.sendRequest(request, (withToken) => {
      withToken.url = address;
      return next(withToken);
    });
  } finally {
    request.url = address;
  }
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

/**
 * Lets another Azure client, such as `ResourceManagementClient` of `@azure/arm-resources`, connect to a service on this
 * machine over plain HTTP, which its own policy rejects. HTTPS works as before, and plain HTTP to any other machine is
 * still rejected. Proxies are bypassed, because a proxy could read the token. The client itself needs its options
 * `endpoint` and `allowInsecureConnection: true`. Never throws. Sending a forbidden request rejects with a `RestError`
 * with code `InsecureConnection`.
 *
 * @param pipeline - The client's `pipeline`, which this function changes.
 * @param credential - Source of access tokens.
 * @param scopes - Scopes of the access tokens. Default: `https://management.azure.com/.default`.
 */
export function allowLoopbackHttp(
  pipeline: Pipeline,
  credential: TokenCredential,
  scopes: string | string[] = "https://management.azure.com/.default",
): void {
  pipeline.removePolicy({ name: bearerTokenAuthenticationPolicyName });
  pipeline.removePolicy({ name: proxyPolicyName });
  pipeline.addPolicy(tokenPolicy({ credential, scopes, allowLoopback: true }));
}

/** Whether a URL obviously belongs to an origin. This is true for almost every URL, and this check avoids parsing. */
export function isPlainlyWithin(origin: string, url: string): boolean {
  return url.startsWith(origin) && url[origin.length] === "/";
}

/** Throws unless the URL belongs to the client's origin. */
export function rejectOtherOrigin(url: URL, origin: string, request?: PipelineRequest): void {
  if (url.origin === origin) return;
  const message =
    `Refused to send a request to ${url.origin}: this client sends its token only to ${origin}. ` +
    "The URL came from a link or redirect of the service, or from a saved state. " +
    "A service behind a proxy must use its public URL in links.";
  throw restError(message, { code: "UnexpectedOrigin", request });
}

function rejectInsecure(url: URL, allowLoopback: boolean, request: PipelineRequest): void {
  if (isSecure(url, allowLoopback)) return;
  throw restError(insecureMessage(url), { code: "InsecureConnection", request });
}
