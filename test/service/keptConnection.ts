import { Agent, request } from "node:http";
import type { ServiceConnection } from "../../src/service/index.ts";

/** A response over a connection that is kept open: a service without descriptors cannot accept another one. */
export interface KeptResponse {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly text: string;
}

/** One connection to a service, for requests one after the other. */
export class KeptConnection {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #connection: ServiceConnection;

  constructor(connection: ServiceConnection) {
    this.#connection = connection;
  }

  send(method: string, path: string, body?: unknown): Promise<KeptResponse> {
    const { endpoint, token } = this.#connection;
    const url = `${endpoint}${path}${path.includes("?") ? "&" : "?"}api-version=2018-05-01`;
    return new Promise((resolve, reject) => {
      const sent = request(
        url,
        { method, agent: this.#agent, headers: { authorization: `Bearer ${token}` } },
        (answer) => {
          let text = "";
          answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
          answer.on("end", () => {
            resolve({ status: answer.statusCode ?? 0, retryAfter: answer.headers["retry-after"], text });
          });
        },
      );
      sent.on("error", reject).end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
