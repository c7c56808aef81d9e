import { createServer } from "node:http";
import { ShareServiceClient } from "@azure/storage-file-share";
import { account, credential } from "./support.ts";

/** A request as the official client signed and sent it. */
export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** Connects the official client to a server that rejects everything, and returns what the client sent. */
export async function record(use: (client: ShareServiceClient) => Promise<unknown>): Promise<RecordedRequest> {
  const recorded: RecordedRequest[] = [];
  const server = createServer((message, response) => {
    const body: Buffer[] = [];
    message.on("data", (chunk: Buffer) => body.push(chunk));
    message.on("end", () => {
      const headers = Object.fromEntries(Object.entries(message.headers).map(([name, value]) => [name, String(value)]));
      delete headers.connection;
      const { method = "", url: path = "" } = message;
      recorded.push({ method, path, headers, body: String(Buffer.concat(body)) });
      response.writeHead(400).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const client = new ShareServiceClient(`http://127.0.0.1:${port}/${account.name}`, credential, {
    retryOptions: { maxTries: 1 },
  });
  await use(client).catch(() => undefined);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  const [first] = recorded;
  if (first === undefined) throw new Error("The client sent nothing.");
  return first;
}
