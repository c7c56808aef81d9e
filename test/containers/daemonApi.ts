import { once } from "node:events";
import { request } from "node:http";
import { text } from "node:stream/consumers";
import type { Readable } from "node:stream";

/** Response of a container engine. */
export interface DaemonResponse {
  readonly status: number;
  readonly body: string;
}

/** Sends a request to a container engine. `path` starts with a slash and has no API version. */
export async function callDaemon(
  socket: string,
  method: string,
  path: string,
  body?: Buffer | object,
  headers: Readonly<Record<string, string>> = {},
): Promise<DaemonResponse> {
  const isTar = body instanceof Buffer;
  const type = body && { "content-type": isTar ? "application/x-tar" : "application/json" };
  const call = request({ socketPath: socket, method, path: `/v1.41${path}`, headers: { ...type, ...headers } });
  const responded = once(call, "response");
  call.end(isTar ? body : body && JSON.stringify(body));
  const [response] = (await responded) as [Readable & { statusCode?: number }];
  return { status: response.statusCode ?? 0, body: await text(response) };
}

/** Sends a request that must succeed. Returns the body. */
export async function askDaemon(...call: Parameters<typeof callDaemon>): Promise<string> {
  const { status, body } = await callDaemon(...call);
  if (status >= 200 && status < 300) return body;
  throw new Error(`${call[1]} ${call[2]} returned ${status}: ${body}`);
}
