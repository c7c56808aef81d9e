import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { EmbeddedService } from "./embeddedService.ts";

let service: EmbeddedService;

beforeAll(async () => {
  service = await EmbeddedService.start();
});

afterAll(() => service.close());

/** Sends a request as it is written; returns the response as text. */
async function send(headers: readonly string[], body = ""): Promise<string> {
  const { endpoint } = service.service.connection;
  const { hostname, port } = new URL(endpoint);
  const socket = connect(Number(port), hostname);
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  const path = `${service.arm.inSubscription("/resourceGroups/twice")}?api-version=2021-04-01`;
  socket.write(`PUT ${path} HTTP/1.1\r\n${[...headers, "Connection: close"].join("\r\n")}\r\n\r\n${body}`);
  await once(socket, "close");
  return text;
}

const body = '{"location":"eastus"}';

it.each([
  ["Host", "Host: example.com"],
  ["Host", "host: 127.0.0.1"],
  ["Authorization", "Authorization: Bearer other"],
  ["Content-Type", "Content-Type: text/plain"],
  ["Origin", "Origin: http://a.example"],
  ["Content-Length", `Content-Length: ${String(body.length)}`],
  ["Content-Length", "Transfer-Encoding: chunked"],
])("a request with two %s headers (%s) is refused", async (_name, second) => {
  const { token } = service.service.connection;
  const headers = [
    "Host: 127.0.0.1",
    `Authorization: Bearer ${token}`,
    "Content-Type: application/json",
    "Origin: http://b.example",
    `Content-Length: ${String(body.length)}`,
  ];
  expect(await send([...headers, second], body)).toMatch(/^HTTP\/1.1 400 /);
  expect((await service.arm.send("GET", service.arm.inSubscription("/resourceGroups/twice"))).status).toBe(404);
});

it("other headers may be repeated", async () => {
  const { token } = service.service.connection;
  const headers = ["Host: 127.0.0.1", `Authorization: Bearer ${token}`, `Content-Length: ${String(body.length)}`];
  expect(await send([...headers, "Accept: a", "Accept: b"], body)).toMatch(/^HTTP\/1.1 201 /);
});
