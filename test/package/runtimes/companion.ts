import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

/**
 * A server that gets requests stuck: it never responds, stops in the middle of a file, or starts an operation that does
 * not end. It also opens the gates at which jobs wait, because not every runtime can write files.
 */
export class Companion {
  readonly url: string;
  readonly #server: Server;
  readonly #gates: string;
  readonly #arrived = new Set<string>();
  readonly #waiting: { readonly name: string; readonly response: ServerResponse }[] = [];

  private constructor(server: Server, gates: string) {
    this.#server = server;
    this.#gates = gates;
    this.url = urlOf(server);
    server.on("request", (request: IncomingMessage, response: ServerResponse) => void this.#receive(request, response));
  }

  /** Starts a companion that opens gates by creating files in a folder. */
  static async start(gates: string): Promise<Companion> {
    return new Companion(await listening(), gates);
  }

  async close(): Promise<void> {
    await close(this.#server);
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Lets web pages of every origin send every request.
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("access-control-expose-headers", "*");
    response.setHeader("access-control-allow-methods", "*");
    response.setHeader("access-control-allow-headers", request.headers["access-control-request-headers"] ?? "*");
    const { pathname } = new URL(request.url ?? "/", this.url);
    const [, first, name = ""] = pathname.split("/");
    if (request.method === "OPTIONS") {
      response.writeHead(204).end();
    } else if (first === "gates") {
      await writeFile(join(this.#gates, name), "");
      response.end();
    } else if (first === "arrived") {
      this.#waiting.push({ name, response });
      this.#tellArrivals();
    } else if (first === "operations") {
      response.setHeader("content-type", "application/json").end('{"status":"InProgress"}');
    } else if (request.method === "DELETE") {
      response.writeHead(202, { "azure-asyncoperation": `${this.url}/operations/endless` }).end();
    } else if (first === "half") {
      response.writeHead(200, { "content-length": 1000 });
      response.write(" ".repeat(500), () => this.#arrive(pathname));
    } else {
      this.#arrive(pathname);
    }
  }

  #arrive(pathname: string): void {
    for (const segment of pathname.split("/")) this.#arrived.add(segment);
    this.#tellArrivals();
  }

  #tellArrivals(): void {
    for (const { name, response } of this.#waiting) if (this.#arrived.has(name)) response.end();
  }
}

/** Returns the URL of a port on which nothing listens. */
export async function unreachableUrl(): Promise<string> {
  const server = await listening();
  const url = urlOf(server);
  await close(server);
  return url;
}

async function listening(): Promise<Server> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function close(server: Server): Promise<void> {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
}
