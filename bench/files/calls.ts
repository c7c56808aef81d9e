import type { Socket } from "node:net";
import { Connection } from "./connection.ts";
import type { Answer } from "./connection.ts";

/** One HTTP request. */
export interface Call {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: Body;
}

/** A body that repeats one block until it is long enough, so it does not use much memory. */
export interface Body {
  readonly block: Buffer;
  readonly length: number;
}

/** Time in milliseconds after which a server may close an unused connection. */
const longestIdle = 2000;

/** Sends requests to one server over connections that are kept alive. */
export class Caller {
  readonly #port: number;
  readonly #idle: Connection[] = [];

  constructor(port: number) {
    this.#port = port;
  }

  /** Sends a request and reads the complete response. Throws unless it succeeds. */
  async send(call: Call, wantsText = false): Promise<Answer> {
    const connection = this.#take();
    const answer = await connection.send(headOf(call, this.#port), (socket) => sendBody(socket, call.body), {
      hasBody: call.method !== "HEAD",
      wantsText,
    });
    this.#idle.push(connection);
    if (answer.status >= 300) {
      throw new Error(`${call.method} ${call.path.split("?")[0] ?? ""}: ${answer.status} ${answer.text}`);
    }
    return answer;
  }

  #take(): Connection {
    for (let found = this.#idle.pop(); found !== undefined; found = this.#idle.pop()) {
      if (found.isOpen && performance.now() - found.lastUsed < longestIdle) return found;
      found.close();
    }
    return new Connection(this.#port);
  }

  close(): void {
    for (const connection of this.#idle) connection.close();
  }
}

function headOf({ method, path, headers, body }: Call, port: number): string {
  const all = { host: `127.0.0.1:${port}`, ...headers, "content-length": body?.length ?? 0 };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

function sendBody(socket: Socket, body: Body | undefined): void {
  let left = body?.length ?? 0;
  const write = (): void => {
    while (body !== undefined && left > 0) {
      const part = left < body.block.length ? body.block.subarray(0, left) : body.block;
      left -= part.length;
      if (!socket.write(part) && left > 0) {
        socket.once("drain", write);
        return;
      }
    }
  };
  write();
}
