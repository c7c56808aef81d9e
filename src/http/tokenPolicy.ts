import type { TokenCredential } from "@azure/core-auth";
import {
  bearerTokenAuthenticationPolicy,
  bearerTokenAuthenticationPolicyName,
  proxyPolicyName,
  RestError,
} from "@azure/core-rest-pipeline";
import type { Pipeline, PipelinePolicy, PipelineRequest } from "@azure/core-rest-pipeline";
import { isLoopback } from "../ground/loopback.ts";

/** What a token policy needs to know. */
export interface TokenPolicyOptions {
  credential: TokenCredential;
  scopes: string | string[];
  /** The only origin that may see the token; absent: any that is safe. */
  origin?: string;
  /** Whether plain HTTP to this machine is safe. */
  allowLoopback: boolean;
}

/**
 * Puts a token on every request whose URL may see it, and refuses every other request: plain HTTP beyond this machine,
 * and any other origin than the client's own, wherever the URL came from.
 */
export function tokenPolicy({ credential, scopes, origin, allowLoopback }: TokenPolicyOptions): PipelinePolicy {
  const bearer = bearerTokenAuthenticationPolicy({ credential, scopes });
  const safeOrigin = origin !== undefined && isSafe(new URL(origin), allowLoopback) ? origin : undefined;
  return {
    name: bearerTokenAuthenticationPolicyName,
    async sendRequest(request, next) {
      if (safeOrigin === undefined || !isPlainlyWithin(safeOrigin, request.url)) {
        const url = new URL(request.url);
        if (origin !== undefined) refuseOtherOrigin(url, origin, request);
        refuseInsecure(url, allowLoopback, request);
      }
      if (/^https:/i.test(request.url)) return bearer.sendRequest(request, next);
      // Core's policy refuses tokens over plain HTTP by looking at the scheme. What is safe was decided above, so it is
      // shown the address with the other scheme, and the rest of it (caching, renewal, challenges) works as ever.
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
    },
  };
}

/**
 * Lets another Azure client, such as `ResourceManagementClient` of `@azure/arm-resources`, talk to a service on this
 * machine by plain HTTP, which its own policy refuses. Over HTTPS it works as before; plain HTTP to any other machine is
 * still refused. Proxies are left out, since no token may go to one in clear. The client itself needs its options
 * `endpoint` and `allowInsecureConnection: true`. Never throws; what is refused rejects with a `RestError` of the code
 * `InsecureConnection` when it is sent.
 *
 * @param pipeline - The client's `pipeline`; it is changed.
 * @param credential - Where tokens come from.
 * @param scopes - What the tokens are for. Default: `https://management.azure.com/.default`.
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

/** Whether a URL is within an origin at first sight. Almost every one is, and to see that, it needs no parsing. */
export function isPlainlyWithin(origin: string, url: string): boolean {
  return url.startsWith(origin) && url[origin.length] === "/";
}

/** Says why a URL must not be asked with this client's token, by throwing. */
export function refuseOtherOrigin(url: URL, origin: string, request?: PipelineRequest): void {
  if (url.origin === origin) return;
  const message =
    `Refused to ask ${url.origin}: this client and its token are for ${origin} only. ` +
    "The address came from a link or a redirect of the service, or from a saved state; " +
    "a service behind a proxy has to make its links with its public address.";
  throw new RestError(message, { code: "UnexpectedOrigin", request });
}

function isSafe(url: URL, allowLoopback: boolean): boolean {
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url) && allowLoopback);
}

function refuseInsecure(url: URL, allowLoopback: boolean, request: PipelineRequest): void {
  if (isSafe(url, allowLoopback)) return;
  throw new RestError(insecureMessage(url), { code: "InsecureConnection", request });
}

/** Says why no token goes to a URL, and what to do. */
export function insecureMessage(url: URL): string {
  return isLoopback(url)
    ? `Refused to send a token to ${url.origin} by plain HTTP: set allowInsecureConnection to allow it on this machine.`
    : `Refused to send a token to ${url.origin} by plain HTTP, where anybody on the way could read it: use https.`;
}
