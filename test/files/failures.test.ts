import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { appendFile, mkdir, readFile, readdir, rm } from "node:fs/promises";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { FileSASPermissions } from "@azure/storage-file-share";
import type { ShareClient } from "@azure/storage-file-share";
import { describe, expect, it } from "vitest";
import { FilesService } from "../../src/files/filesService.ts";
import { withFolder } from "../service/serviceProcess.ts";
import { asideIn } from "./deletedShares.ts";
import { needsDisks, withOwnMount, withSmallDisk } from "./disks.ts";
import { FilesProcess } from "./filesProcess.ts";
import { everything } from "./signedRequest.ts";
import { account, clientOf, rawRequest, refusal, startFixture } from "./support.ts";

const mebibyte = 1024 * 1024;
const content = randomBytes(mebibyte);

/** Returns the result of a call: `2xx`, or the status and code of the error. */
async function outcome(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "2xx";
  } catch (error) {
    const { statusCode, code } = error as { statusCode?: number; code?: string };
    return `${statusCode ?? "none"} ${code ?? ""}`;
  }
}

/** Fills a disk to its last byte. */
async function fillUp(path: string): Promise<void> {
  for (let size = mebibyte; size >= 1; size = Math.floor(size / 2)) {
    while (await hasRoom(path, size)) continue;
  }
}

function hasRoom(path: string, size: number): Promise<boolean> {
  return appendFile(path, Buffer.alloc(size, 1)).then(
    () => true,
    () => false,
  );
}

describe("a full disk", () => {
  it("rejects requests that need space, corrupts nothing, and works again once there is space", async (context) => {
    await needsDisks(context);
    await withSmallDisk(40, async (dataDir) => {
      const logged: string[] = [];
      const service = await FilesService.start({
        dataDir,
        accounts: [account],
        log: (message) => logged.push(message),
      });
      const client = clientOf(service);
      const share = client.getShareClient("full");
      await share.create();
      const root = share.rootDirectoryClient;
      await root.getFileClient("old").uploadData(content, { metadata: { is: "old" } });
      await root.getFileClient("large").create(64 * mebibyte);
      await root.getFileClient("sparse").create(8 * mebibyte);
      await root.getFileClient("dispensable").uploadData(content);
      await fillUp(join(dataDir, "filler"));

      const put = (name: string): Promise<unknown> =>
        rawRequest(
          service,
          "PUT",
          `/${account.name}/full/${name}?${everything()}`,
          { "x-ms-content-length": "2000000", "x-ms-type": "file" },
          "x".repeat(2_000_000),
        ).then(({ status, headers }) => `${status} ${String(headers["x-ms-error-code"])}`);
      const full = "507 InsufficientStorage";
      expect(await put("old")).toBe(full);
      expect(await put("new")).toBe(full);
      expect(await outcome(root.getFileClient("sparse").uploadRange(content, 0, mebibyte))).toBe(full);
      const source = root.getFileClient("old").url;
      expect(await outcome(root.getFileClient("copy").startCopyFromURL(source))).toBe(full);
      expect(await outcome(share.createSnapshot())).toBe(full);
      for (let index = 0; index < 60; index++) {
        // Requests that still fit succeed, and others are rejected. None fails with an internal error.
        const long = "x".repeat(4000);
        const outcomes = await Promise.all([
          outcome(root.getFileClient("old").setMetadata({ is: "old", long, index: `${index}` })),
          outcome(root.getFileClient(`empty-${index}`).create(1_000_000, { metadata: { long } })),
          outcome(root.createSubdirectory(`directory-${index}`)),
          outcome(client.createShare(`share-${index}`)),
          outcome(share.setMetadata({ index: `${index}` })),
          outcome(root.getFileClient("sparse").clearRange(index * 512, 512)),
        ]);
        for (const one of outcomes) expect([full, "2xx"]).toContain(one);
      }
      expect(await outcome(share.setMetadata({ long: "x".repeat(8000) }))).toBe(full);
      expect(await root.getFileClient("old").downloadToBuffer()).toEqual(content);
      expect((await root.getFileClient("old").getProperties()).metadata?.is).toBe("old");
      expect(await root.getFileClient("new").exists()).toBe(false);
      expect(await root.getFileClient("copy").exists()).toBe(false);
      expect(await asideIn(dataDir)).toEqual([]);

      // Deleting frees space, so it works on a full disk.
      expect(await outcome(root.getFileClient("dispensable").delete())).toBe("2xx");
      await rm(join(dataDir, "filler"));
      expect(await put("new")).toBe("201 undefined");
      await root.getFileClient("sparse").uploadRange(content, 0, mebibyte);
      await share.setMetadata({ long: "x".repeat(8000) });
      await share.createSnapshot();
      expect(logged).toEqual([]);
      await service.close();
    });
  });

  it("fails a copy in the background", async (context) => {
    await needsDisks(context);
    await withSmallDisk(48, async (dataDir) => {
      const service = await FilesService.start({ dataDir, accounts: [account] });
      const share = clientOf(service).getShareClient("full");
      await share.create();
      const source = share.rootDirectoryClient.getFileClient("source");
      await source.uploadData(Buffer.alloc(30 * mebibyte, 1));
      const copy = share.rootDirectoryClient.getFileClient("copy");
      expect((await copy.startCopyFromURL(source.url)).copyStatus).toBe("pending");
      await expect.poll(async () => (await copy.getProperties()).copyStatus).toBe("failed");
      expect((await copy.getProperties()).copyStatusDescription).toBe("The disk that holds the share is full.");
      expect(await asideIn(dataDir)).toEqual([]);
      await service.close();
    });
  });
});

describe("a read-only disk", () => {
  it("is refused at the start", async (context) => {
    await needsDisks(context);
    await withFolder(async (folder) => {
      const dataDir = join(folder, "data");
      await mkdir(dataDir);
      await withOwnMount(dataDir, async (allowWriting) => {
        await allowWriting(false);
        const start = () => FilesService.start({ dataDir, accounts: [account] });
        await expect(start()).rejects.toThrow(`The data folder ${dataDir} cannot be used:`);
        await allowWriting(true);
        await (await start()).close();
        await allowWriting(false);
        await expect(start()).rejects.toThrow(/\/properties\.db cannot be used: /);
      });
    });
  });

  it("under a share lets clients read but not write, until it is writable again", async (context) => {
    await needsDisks(context);
    const fixture = await startFixture();
    const share = fixture.client.getShareClient("mounted");
    await share.create();
    const root = share.rootDirectoryClient;
    await root.getFileClient("file").uploadData(content);
    await withOwnMount(fixture.service.shareFolder(account.name, "mounted") ?? "", async (allowWriting) => {
      await changeEverything(share, "2xx");
      await allowWriting(false);
      await changeEverything(share, "403 InsufficientAccountPermissions");
      expect(await root.getFileClient("file").downloadToBuffer()).toEqual(content);
      await allowWriting(true);
      await changeEverything(share, "2xx");
      // A new file in the place of an old one has none of its properties, although here it is the same file.
      const file = root.getFileClient("file");
      await file.uploadData(content);
      await file.create(content.length);
      expect((await file.downloadToBuffer()).equals(Buffer.alloc(content.length))).toBe(true);
    });
    expect(await asideIn(fixture.dataDir)).toEqual([]);
    expect(fixture.logged).toEqual([]);
    await fixture.close();
  });

  async function changeEverything(share: ShareClient, expected: string): Promise<void> {
    const root = share.rootDirectoryClient;
    const file = root.getFileClient("file");
    const path = `${new URL(file.url).pathname}?${everything()}`;
    for (const change of [
      () => fetch(`${new URL(file.url).origin}${path}`, replace).then(thrownUnlessOk),
      () => file.uploadRange("x", 0, 1),
      () => file.uploadData(content),
      () => file.resize(content.length),
      () => file.setHttpHeaders({}),
      () => root.createSubdirectory("directory"),
      () => root.getDirectoryClient("directory").delete(),
      () => root.getFileClient("new").create(1),
      () => root.getFileClient("copy").startCopyFromURL(file.url),
      () => file.rename("renamed").then(() => root.getFileClient("renamed").rename("file")),
      () => root.getFileClient("new").delete(),
    ]) {
      expect(await outcome(change()), String(change)).toBe(expectedOf(change, expected));
    }
  }

  const replace = { method: "PUT", headers: { "x-ms-content-length": "9", "x-ms-type": "file" }, body: "replaced!" };

  /** A file that does not exist cannot be rejected. */
  function expectedOf(change: () => unknown, expected: string): string {
    const needsWhatIsNotThere = expected !== "2xx" && String(change).includes(".delete()");
    return needsWhatIsNotThere ? "404 ResourceNotFound" : expected;
  }

  async function thrownUnlessOk(answer: Response): Promise<void> {
    if (answer.ok) return;
    const code = answer.headers.get("x-ms-error-code") ?? "";
    throw Object.assign(new Error(await answer.text()), { statusCode: answer.status, code });
  }
});

describe("too many open files", () => {
  it("cause errors only for as long as they last", async () => {
    await withFolder(async (folder) => {
      const endpoint = await FilesProcess.start(folder, ["--port", "0", "--log-level", "warn"], { openFiles: 64 });
      const share = endpoint.client().getShareClient("crowded");
      await share.create();
      const file = share.rootDirectoryClient.getFileClient("file");
      // More than fits into what the operating system keeps for a connection.
      await file.uploadData(Buffer.alloc(32 * mebibyte, 1));
      const before = await endpoint.openFiles();
      const url = file.generateSasUrl({
        permissions: FileSASPermissions.parse("r"),
        expiresOn: new Date(Date.now() + 600_000),
      });
      // Connections count as open files too, and a client that reads only the start of a file keeps it open.
      const answers = await Promise.all(Array.from({ length: 30 }, () => startOfAnswer(url)));
      const statuses = new Set(answers.map(({ start }) => /^HTTP\/1.1 (\d+)/.exec(start)?.[1] ?? "none"));
      expect([...statuses].filter((status) => !["200", "503", "none"].includes(status))).toEqual([]);
      for (const { start } of answers.filter((answer) => answer.start.startsWith("HTTP/1.1 503"))) {
        expect(start).toContain("x-ms-error-code: ServerBusy");
      }
      expect(statuses).toContain("503");
      for (const { socket } of answers) socket.destroy();
      await expect.poll(() => endpoint.openFiles()).toBeLessThanOrEqual(before);
      await share.rootDirectoryClient.getFileClient("another").uploadData(content);
      expect(await share.rootDirectoryClient.getFileClient("another").downloadToBuffer()).toEqual(content);
      expect(endpoint.output).not.toContain('"level":50');
      expect(await endpoint.stop()).toBe(0);
    });
  });

  /** Requests a file and returns the start of the response; nothing if the connection was closed. */
  async function startOfAnswer(url: string): Promise<{ socket: Socket; start: string }> {
    const { hostname, port, pathname, search } = new URL(url);
    const socket = connect(Number(port), hostname).on("error", () => undefined);
    socket.write(`GET ${pathname}${search} HTTP/1.1\r\nhost: ${hostname}\r\nconnection: close\r\n\r\n`);
    await new Promise((resolve) => socket.once("readable", resolve).once("close", resolve));
    const start = socket.read() as Buffer | null;
    return { socket, start: start === null ? "" : start.toString("latin1") };
  }
});

describe("clients that hang up in the middle of 4 MiB", () => {
  it("change nothing and block no other client, even if there are many", async () => {
    const fixture = await startFixture();
    const share = fixture.client.getShareClient("cut");
    await share.create();
    const before = randomBytes(4 * mebibyte);
    const file = share.rootDirectoryClient.getFileClient("file");
    await file.uploadData(before);
    const { hostname, port } = new URL(fixture.service.endpoint);
    const head = [
      `PUT /${account.name}/cut/file?comp=range&${everything()} HTTP/1.1`,
      "host: x",
      "x-ms-write: update",
      `range: bytes=0-${4 * mebibyte - 1}`,
      `content-length: ${4 * mebibyte}`,
    ].join("\r\n");
    // More of them than fit into the memory for uploads.
    await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const socket = connect(Number(port), hostname);
        await new Promise((resolve) => socket.write(`${head}\r\n\r\n`, resolve));
        await new Promise((resolve) => socket.write(Buffer.alloc(mebibyte + index, "x"), resolve));
        await new Promise((resolve) => socket.once("close", resolve).destroy());
      }),
    );
    expect((await file.downloadToBuffer()).equals(before)).toBe(true);
    const after = randomBytes(4 * mebibyte);
    await Promise.all(
      Array.from({ length: 20 }, (_, index) => share.rootDirectoryClient.getFileClient(`n-${index}`).uploadData(after)),
    );
    expect((await share.rootDirectoryClient.getFileClient("n-19").downloadToBuffer()).equals(after)).toBe(true);
    expect(fixture.logged).toEqual([]);
    await fixture.close();
  });
});

describe("clients that send slowly", () => {
  it("block no other client, even if there are many, and are served in the end", async () => {
    const fixture = await startFixture();
    const share = fixture.client.getShareClient("slow");
    await share.create();
    const names = Array.from({ length: 30 }, (_, index) => `slow-${index}`);
    for (const name of names) await share.rootDirectoryClient.getFileClient(name).create(content.length);
    const uploads = await Promise.all(names.map((name, index) => startUpload(fixture.service, name, index)));
    const quick = share.rootDirectoryClient.getFileClient("quick");
    await quick.uploadData(content);
    expect((await quick.downloadToBuffer()).equals(content)).toBe(true);
    const statuses = await Promise.all(uploads.map((finish) => finish()));
    // Every tenth has a wrong MD5.
    expect(statuses).toEqual(names.map((_, index) => (index % 10 === 9 ? 400 : 201)));
    for (const [index, name] of names.entries()) {
      const stored = await readFile(join(fixture.service.shareFolder(account.name, "slow") ?? "", name));
      expect(stored.equals(index % 10 === 9 ? Buffer.alloc(content.length) : content), name).toBe(true);
    }
    expect(await asideIn(fixture.dataDir)).toEqual([]);
    expect(fixture.logged).toEqual([]);
    await fixture.close();
  });

  /** Sends half of a file's content. The returned function sends the rest and returns the response. */
  async function startUpload(service: FilesService, name: string, index: number): Promise<() => Promise<number>> {
    const md5 = createHash("md5").update(index % 10 === 9 ? "other" : content);
    const upload = request(`${service.fileEndpoint(account.name)}/slow/${name}?comp=range&${everything()}`, {
      method: "PUT",
      agent: false,
      headers: {
        "x-ms-write": "update",
        range: `bytes=0-${content.length - 1}`,
        "content-length": String(content.length),
        "content-md5": md5.digest("base64"),
      },
    });
    await new Promise((resolve) => upload.write(content.subarray(0, content.length / 2), resolve));
    return async () => {
      upload.end(content.subarray(content.length / 2));
      const [response] = (await once(upload, "response")) as [IncomingMessage];
      response.resume();
      return response.statusCode ?? 0;
    };
  }
});

describe("a folder that is deleted while the endpoint runs", () => {
  it("is a share that does not exist, and can be created again", async () => {
    const fixture = await startFixture();
    const share = fixture.client.getShareClient("vanishing");
    await share.create();
    await share.rootDirectoryClient.getFileClient("file").uploadData(content);
    await rm(fixture.service.shareFolder(account.name, "vanishing") ?? "", { recursive: true });
    expect(await refusal(share.getProperties())).toMatchObject({ status: 404, code: "ShareNotFound" });
    const upload = share.rootDirectoryClient.getFileClient("file").uploadData(content);
    expect(await refusal(upload)).toMatchObject({ status: 404, code: "ShareNotFound" });
    await share.create();
    await share.rootDirectoryClient.getFileClient("file").uploadData(content);
    expect(await readdir(fixture.service.shareFolder(account.name, "vanishing") ?? "")).toEqual(["file"]);
    expect(await readFile(join(fixture.dataDir, account.name, "vanishing", "file"))).toEqual(content);
    await fixture.close();
  });
});
