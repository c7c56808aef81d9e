import { once } from "node:events";
import { createServer, request, type Server } from "node:http";

/** A socket that forwards requests to a container engine and counts them. */
export class CountingSocket {
  /** Value of the option `containerEngine`. */
  readonly address: string;
  readonly #server: Server;
  readonly #counts: Map<string, number>;

  private constructor(address: string, server: Server, counts: Map<string, number>) {
    this.address = address;
    this.#server = server;
    this.#counts = counts;
  }

  /** @param target - Path of the socket of the engine. */
  static async open(path: string, target: string): Promise<CountingSocket> {
    const counts = new Map<string, number>();
    const server = createServer((incoming, outgoing) => {
      const { method, url = "", headers } = incoming;
      const kind = `${method} ${url
        .replace(/\?.*/, "")
        .replace(/^\/v[\d.]+/, "")
        .replace(/[^/]*[0-9a-f-]{12,}[^/]*/, "ID")}`;
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      const forwarded = request({ socketPath: target, method, path: url, headers }, (response) => {
        outgoing.writeHead(response.statusCode ?? 500, response.headers);
        response.pipe(outgoing);
      });
      forwarded.once("error", () => outgoing.destroy());
      outgoing.once("close", () => forwarded.destroy());
      incoming.pipe(forwarded);
    });
    server.listen(path);
    await once(server, "listening");
    return new CountingSocket(`unix://${path}`, server, counts);
  }

  /** Numbers of requests by method and path. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  reset(): void {
    this.#counts.clear();
  }

  async close(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}
