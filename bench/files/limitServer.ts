// A minimal file server: `node:http` and `node:fs`, without credentials, properties and errors. A server in Node.js can
// hardly be faster.
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, open, readdir, rm, stat } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

const [root = "."] = process.argv.slice(2);
const highWaterMark = 256 * 1024;

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "", "http://limit");
  const path = join(root, url.pathname);
  if (request.method === "PUT") {
    const offset = url.searchParams.get("offset");
    if (url.searchParams.has("folder")) await mkdir(path);
    else if (offset === null) await pipeline(request, createWriteStream(path, { highWaterMark }));
    else await pipeline(request, createWriteStream(path, { flags: "r+", start: Number(offset), highWaterMark }));
    response.writeHead(201, { "content-length": 0 }).end();
  } else if (request.method === "POST") {
    const file = await open(path, "w");
    await file.truncate(Number(url.searchParams.get("size")));
    await file.close();
    response.writeHead(201, { "content-length": 0 }).end();
  } else if (request.method === "DELETE") {
    await rm(path);
    response.writeHead(202, { "content-length": 0 }).end();
  } else if (request.method === "GET" && url.searchParams.has("list")) {
    const names = (await readdir(path)).sort();
    const entries = await Promise.all(names.map(async (name) => ({ name, size: (await stat(join(path, name))).size })));
    response.writeHead(200).end(JSON.stringify(entries));
  } else {
    const { size, mtime } = await stat(path);
    response.writeHead(200, { "content-length": size, "last-modified": mtime.toUTCString() });
    if (request.method === "HEAD") response.end();
    else await pipeline(createReadStream(path, { highWaterMark }), response);
  }
}

const server = createServer({ requestTimeout: 0 }, (request, response) => {
  answer(request, response).catch((error: unknown) => {
    console.error(error);
    response.destroy();
  });
});
server.listen(Number(process.argv[3] ?? 0), "127.0.0.1", () => {
  console.log(`listening on ${String((server.address() as AddressInfo).port)}`);
});
