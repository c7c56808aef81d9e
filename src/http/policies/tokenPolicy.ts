import type { TokenCredential } from "@azure/core-auth";
import {
  bearerTokenAuthenticationPolicy,
  bearerTokenAuthenticationPolicyName,
  proxyPolicyName,
} from "@azure/core-rest-pipeline";
import type { Pipeline, PipelinePolicy, PipelineRequest } from "@azure/core-rest-pipeline";
import { restError } from "../restError.ts";
import { insecureMessage, isSecure } from "../secureUrl.ts";

/** Options of a token policy. */
export interface TokenPolicyOptions {
  /** Adds the token to a request and sends it. */
  authorize: Authorize;
  /** The only origin that may receive the token. Absent: any safe origin. */
  origin?: string;
  /** Whether to treat plain HTTP to this machine as safe. */
  allowLoopback: boolean;
}

/** Adds a token to a request, whose URL has been checked, and sends it with `next`. */
export type Authorize = PipelinePolicy["sendRequest"];

/**
 * Adds the token to every request whose URL may receive it. Rejects every other request: plain HTTP to another machine,
 * and any origin other than the client's, regardless of where the URL came from.
 */
export function tokenPolicy({ authorize, origin, allowLoopback }: TokenPolicyOptions): PipelinePolicy {
  const secureOrigin = origin !== undefined && isSecure(new URL(origin), allowLoopback) ? origin : undefined;
  return {
    name: bearerTokenAuthenticationPolicyName,
    async sendRequest(request, next) {
      if (secureOrigin === undefined || !isPlainlyWithin(secureOrigin, request.url)) {
        const url = new URL(request.url);
        if (origin !== undefined) rejectOtherOrigin(url, origin, request);
        rejectInsecure(url, allowLoopback, request);
      }
      return authorize(request, next);
    },
  };
}

/**
 * Adds tokens with core's policy, which rejects plain HTTP by the scheme of the URL. The URL has already been checked,
 * so that policy gets it with https, and its caching, renewal and challenges work as usual.
 */
export function authorizing(credential: TokenCredential, scopes: string | string[]): Authorize {
  const bearer = bearerTokenAuthenticationPolicy({ credential, scopes });
  return async (request, next) => {
    if (/^https:/i.test(request.url)) return bearer.sendRequest(request, next);
    const address = request.url;
    request.url = address.replace(/^http:/i, "https:");
    try {
      return await bearer.sendRequest(request, (authorized) => {
        authorized.url = address;
        return next(authorized);
      });
    } finally {
      request.url = address;
    }
  };
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
  pipeline.addPolicy(tokenPolicy({ authorize: authorizing(credential, scopes), allowLoopback: true }));
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
