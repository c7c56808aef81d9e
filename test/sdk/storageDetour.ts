import { createServer, request as requestOf } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createDefaultHttpClient } from "@azure/core-rest-pipeline";
import type { HttpClient } from "@azure/core-rest-pipeline";

/** What happens to a request on the way; `undefined` lets it pass. */
export type Trouble = (request: IncomingMessage, response: ServerResponse) => "passed over" | "cut" | undefined;

/**
 * A bad road to the storage: an HTTP client that sends downloads through a server in between, which makes trouble. Bytes
 * of the others pass it unchanged.
 */
export class StorageDetour {
  /** The requests that came by. */
  readonly requests: { url: string; headers: IncomingMessage["headers"] }[] = [];
  readonly httpClient: HttpClient;
  trouble: Trouble = () => undefined;
  readonly #storage: URL;
  #server: Server | undefined;

  constructor(fileEndpoint: string) {
    this.#storage = new URL(fileEndpoint);
    const client = createDefaultHttpClient();
    this.httpClient = {
      sendRequest: async (request) => {
        if (!request.url.startsWith(this.#storage.origin)) return client.sendRequest(request);
        const link = request.url;
        request.url = link.replace(this.#storage.origin, await this.#origin());
        try {
          return await client.sendRequest(request);
        } finally {
          request.url = link;
        }
      },
    };
  }

  close(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
  }

  async #origin(): Promise<string> {
    if (this.#server === undefined) {
      const server = (this.#server = createServer((request, response) => this.#pass(request, response)));
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    }
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    const { url = "", headers } = request;
    this.requests.push({ url, headers });
    const trouble = this.trouble(request, response);
    if (trouble === "passed over") return;
    const options = { host: this.#storage.hostname, port: this.#storage.port, path: url, headers };
    requestOf(options, (answer) => {
      response.writeHead(answer.statusCode ?? 0, answer.headers);
      if (trouble === undefined) {
        answer.pipe(response);
        return;
      }
      // Half of what was announced, and then nothing.
      let left = Math.floor(Number(answer.headers["content-length"]) / 2);
      answer.on("data", (piece: Buffer) => {
        response.write(piece.subarray(0, left));
        left -= Math.min(left, piece.length);
        if (left === 0) response.socket?.resetAndDestroy();
      });
    }).end();
  }
}
