import { ServerResponse } from "node:http";
import type { IncomingMessage } from "node:http";

/**
 * The answer to a request. Its headers are gathered and handed over together: that saves Node.js a tenth of the time
 * that a short request takes.
 */
export class StorageResponse<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {
  /** Headers, in lower case, that the answer has whatever becomes of the request, errors included. */
  readonly common: Record<string, string> = {};
  /** Tells which headers a script of another web site may read; undefined where no such script asks. */
  exposes: ((name: string) => boolean) | undefined;

  /** Sends the status, the headers that are given last, and the {@link StorageResponse.common} ones. */
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
