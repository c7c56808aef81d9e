import { Agent, request } from "node:http";

/** One HTTP request. */
export interface Call {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: Body;
}

/** A body that repeats one block until it is long enough, so that nobody has to hold it. */
export interface Body {
  readonly block: Buffer;
  readonly length: number;
}

/** What came back. */
export interface Answer {
  readonly status: number;
  /** Bytes of the body. */
  readonly length: number;
  /** The body, where it was asked for. */
  readonly text: string;
}

/** Sends requests to one server over connections that are kept alive. */
export class Caller {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });

  constructor(port: number) {
    this.#port = port;
  }

  /** Sends a request and reads its answer to the end. Throws unless it succeeds. */
  async send(call: Call, wantsText = false): Promise<Answer> {
    const answer = await this.#send(call, wantsText);
    if (answer.status >= 300)
      throw new Error(`${call.method} ${call.path.split("?")[0] ?? ""}: ${answer.status} ${answer.text}`);
    return answer;
  }

  #send({ method, path, headers, body }: Call, wantsText: boolean): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const options = {
        host: "127.0.0.1",
        port: this.#port,
        agent: this.#agent,
        method,
        path,
        headers: { ...headers, "content-length": body?.length ?? 0 },
      };
      const message = request(options, (response) => {
        const { statusCode: status = 0 } = response;
        const chunks: Buffer[] = [];
        let length = 0;
        response.on("data", (chunk: Buffer) => {
          length += chunk.length;
          if (wantsText || status >= 300) chunks.push(chunk);
        });
        response.on("error", reject);
        response.on("end", () => {
          resolve({ status, length, text: Buffer.concat(chunks).toString() });
        });
      });
      message.on("error", reject);
      send(message, body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function send(message: ReturnType<typeof request>, body: Body | undefined): void {
  let left = body?.length ?? 0;
  const write = (): void => {
    while (body !== undefined && left > 0) {
      const part = left < body.block.length ? body.block.subarray(0, left) : body.block;
      left -= part.length;
      if (!message.write(part) && left > 0) {
        message.once("drain", write);
        return;
      }
    }
    message.end();
  };
  write();
}
