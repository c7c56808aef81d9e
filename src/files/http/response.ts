import { ServerResponse } from "node:http";
import type { IncomingMessage } from "node:http";

/**
 * A response to a request. Collects its headers and passes them on together, which saves Node.js a tenth of the time of
 * a short request.
 */
export class StorageResponse<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  /** Headers, by lowercase name, of every response to this request, including error responses. */
  readonly common: Record<string, string> = {};
  /** Returns whether a script of another website may read a header. Undefined if no such script sent the request. */
  exposes: ((name: string) => boolean) | undefined;

  /** Sends the status, the headers in the last argument, and the {@link StorageResponse.common} ones. */
  override writeHead(status: number, ...rest: unknown[]): this {
    const given = rest.at(-1);
    const headers = { ...this.common, ...(typeof given === "object" ? given : {}) };
    if (this.exposes !== undefined) {
      const exposed = Object.keys(headers)
        .map((name) => name.toLowerCase())
        .filter(this.exposes);
      if (exposed.length > 0) headers["access-control-expose-headers"] = exposed.join(",");
    }
    return super.writeHead(status, headers);
  }
}
