import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** A web server with one page, whose program gets settings and reports an outcome. */
export class PageServer {
  readonly origin: string;
  /** What the program has posted to `/outcome`. */
  readonly outcome: Promise<unknown>;
  readonly #server: Server;

  private constructor(server: Server, origin: string, outcome: Promise<unknown>) {
    this.#server = server;
    this.origin = origin;
    this.outcome = outcome;
  }

  /** Starts a server. `program` is the text of an ECMAScript module. */
  static async start(program: string, settings: () => unknown): Promise<PageServer> {
    let resolve: (outcome: unknown) => void;
    const outcome = new Promise<unknown>((done) => (resolve = done));
    const server = createServer(async (request, response) => {
      if (request.url === "/outcome") {
        resolve(JSON.parse(await text(request)));
        response.end();
      } else if (request.url === "/program.js") {
        response.setHeader("content-type", "text/javascript; charset=utf-8").end(program);
      } else if (request.url === "/settings") {
        response.setHeader("content-type", "application/json").end(JSON.stringify(settings()));
      } else {
        const page = '<!doctype html><script type="module" src="/program.js"></script>';
        response.setHeader("content-type", "text/html").end(page);
      }
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    return new PageServer(server, `http://127.0.0.1:${(server.address() as AddressInfo).port}`, outcome);
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
