import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, mkdirSync } from "node:fs";
import { readdir, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { AccountSASPermissions } from "@azure/storage-file-share";
import { describe, expect, it } from "vitest";
import { withFolder } from "../service/serviceProcess.ts";
import { needsDisks, withSmallDisk } from "./disks.ts";
import { FilesProcess } from "./filesProcess.ts";

/** An ordinary user, whom the operating system refuses what it grants to root. */
const nobody = 65534;
const content = randomBytes(20_000);

/** Result of a request: its status, and the error code and `Retry-After` of a rejection. */
type Outcome = string;

/** Returns the URL of the account with a signature that permits everything. */
function signedUrl(endpoint: FilesProcess): string {
  const permissions = AccountSASPermissions.parse("rwdlc");
  return endpoint.client().generateAccountSasUrl(new Date(Date.now() + 600_000), permissions, "sco");
}

/** Sends requests with a signature that permits everything. */
class Caller {
  readonly #url: URL;

  constructor(endpoint: FilesProcess) {
    this.#url = new URL(signedUrl(endpoint));
  }

  async send(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: string | Buffer,
  ): Promise<{ outcome: Outcome; body: Buffer }> {
    const url = new URL(this.#url);
    const [pathname = "", query = ""] = path.split("?");
    url.pathname += pathname;
    const response = await fetch(`${url.href}&${query}`, {
      method,
      headers,
      body: body === undefined ? null : new Uint8Array(Buffer.from(body)),
    });
    const code = response.headers.get("x-ms-error-code");
    const retryAfter = response.headers.get("retry-after");
    const outcome = code === null ? String(response.status) : `${response.status} ${code} ${String(retryAfter)}`;
    return { outcome, body: Buffer.from(await response.arrayBuffer()) };
  }

  async outcome(...request: Parameters<Caller["send"]>): Promise<Outcome> {
    return (await this.send(...request)).outcome;
  }
}

type Request = readonly [name: string, ...request: Parameters<Caller["send"]>];

const upload = { "x-ms-type": "file", "x-ms-content-length": String(content.length) };
const meta = { "x-ms-meta-long": "x".repeat(7000) };
/** Requests that need what may be short. Each succeeds exactly once. `turn` makes their names differ. */
const changes = (turn: string): Request[] => [
  ["a file with content", "PUT", `/share/new-${turn}`, { ...upload, ...meta }, content],
  [
    "an empty file",
    "PUT",
    `/share/empty-${turn}`,
    { "x-ms-type": "file", "x-ms-content-length": "0", ...meta, "if-none-match": "*" },
  ],
  ["a directory", "PUT", `/share/dir-${turn}?restype=directory`, meta],
  ["metadata", "PUT", "/share/old?comp=metadata", { ...meta, "x-ms-meta-turn": turn.replaceAll("-", "_") }],
  [
    "a range",
    "PUT",
    "/share/old?comp=range",
    { "x-ms-write": "update", range: `bytes=0-${content.length - 1}` },
    content,
  ],
  ["a share", "PUT", `/share-${turn}?restype=share`, meta],
  ["metadata of a share", "PUT", "/share?restype=share&comp=metadata", { ...meta }],
  [
    "a rename",
    "PUT",
    `/share/renamed-${turn}?comp=rename`,
    { "x-ms-file-rename-source": `SOURCE/share/source-${turn}`, ...meta },
  ],
  [
    "a lease",
    "PUT",
    `/share/source-${turn}-leased?comp=lease`,
    { "x-ms-lease-action": "acquire", "x-ms-lease-duration": "-1" },
  ],
  ["a snapshot", "PUT", "/share?restype=share&comp=snapshot"],
  ["a deletion", "DELETE", `/share/source-${turn}-deleted`],
];

/** Runs `use` with an endpoint of an ordinary user, which has a share with some files for each of the turns. */
async function withEndpoint(
  dataDir: string,
  turns: readonly string[],
  use: (endpoint: FilesProcess, caller: Caller) => Promise<void>,
  isOwn = false,
): Promise<void> {
  const isRoot = process.getuid?.() === 0 && !isOwn;
  if (isRoot) chownSync(dataDir, nobody, nobody);
  const flags = ["--port", "0", "--log-level", "warn"];
  const endpoint = await FilesProcess.start(dataDir, flags, isRoot ? { user: nobody } : {});
  try {
    const caller = new Caller(endpoint);
    expect(await caller.outcome("PUT", "/share?restype=share")).toBe("201");
    expect(await caller.outcome("PUT", "/share/old", { ...upload, "x-ms-meta-is": "old" }, content)).toBe("201");
    for (const turn of turns) {
      for (const suffix of ["", "-leased", "-deleted"])
        expect(await caller.outcome("PUT", `/share/source-${turn}${suffix}`, { ...upload, ...meta }, content)).toBe(
          "201",
        );
    }
    await use(endpoint, caller);
    expect(await endpoint.stop()).toBe(0);
  } finally {
    await endpoint.stop("SIGKILL");
  }
}

/** Sends all changes of a turn, with the URL of the source where it belongs. */
async function makeChanges(endpoint: FilesProcess, caller: Caller, turn: string): Promise<Record<string, Outcome>> {
  const outcomes: Record<string, Outcome> = {};
  const { fileEndpoint } = endpoint.account;
  const sas = new URL(signedUrl(endpoint)).search;
  for (const [name, method, path, headers = {}, body] of changes(turn)) {
    const source = headers["x-ms-file-rename-source"];
    const sent =
      source === undefined
        ? headers
        : { ...headers, "x-ms-file-rename-source": source.replace("SOURCE", fileEndpoint) + sas };
    outcomes[name] = await caller.outcome(method, path, sent, body);
  }
  return outcomes;
}

const succeeded = ["200", "201", "202"];

/** Expects that each change was made, or was rejected and can be made now. */
async function expectRecovery(
  endpoint: FilesProcess,
  caller: Caller,
  { turn, first, rejections }: { turn: string; first: Record<string, Outcome>; rejections: readonly string[] },
): Promise<void> {
  for (const [name, outcome] of Object.entries(first)) expect([...succeeded, ...rejections], name).toContain(outcome);
  await expect.poll(() => caller.outcome("GET", "/share/old")).toBe("200");
  const again = await makeChanges(endpoint, caller, turn);
  for (const [name, outcome] of Object.entries(first)) {
    if (!succeeded.includes(outcome))
      expect(succeeded, `${name}: ${outcome}, then ${String(again[name])}`).toContain(again[name]);
  }
  for (const name of ["old", `new-${turn}`, `renamed-${turn}`]) {
    expect((await caller.send("GET", `/share/${name}`)).body.equals(content), name).toBe(true);
  }
  expect(await caller.outcome("GET", `/share/source-${turn}`)).toMatch(/^404 /);
  expect(
    (await readdir(join(endpoint.dataDir, endpoint.account.name))).filter((name) => name.startsWith(".draft")),
  ).toEqual([]);
  expect(endpoint.output).not.toContain("a file request failed");
}

const busy = ["503 ServerBusy 1"];
const full = ["507 InsufficientStorage 1", ...busy];

describe("a locked database", () => {
  it.each(["properties.db", "ranges.db"])(
    "(%s) makes requests fail until it is unlocked, and blocks no others",
    async (name) => {
      await withFolder(async (dataDir) => {
        await withEndpoint(dataDir, ["a"], async (endpoint, caller) => {
          const other = new DatabaseSync(join(dataDir, name));
          other.exec("BEGIN IMMEDIATE");
          const first = await makeChanges(endpoint, caller, "a");
          if (name === "properties.db") expect(Object.values(first)).toContain("503 ServerBusy 1");
          const start = performance.now();
          const reads = await Promise.all([
            caller.outcome("PUT", "/share/old?comp=metadata", meta),
            ...Array.from({ length: 10 }, () => caller.outcome("GET", "/share/old")),
          ]);
          expect(reads.slice(1)).toEqual(Array(10).fill("200"));
          expect(performance.now() - start).toBeLessThan(4000);
          other.exec("ROLLBACK");
          other.close();
          await expectRecovery(endpoint, caller, { turn: "a", first, rejections: busy });
        });
      });
    },
  );

  it("does not prevent a start", async () => {
    await withFolder(async (dataDir) => {
      await withEndpoint(dataDir, [], () => Promise.resolve());
      const other = new DatabaseSync(join(dataDir, "properties.db"));
      other.exec("BEGIN IMMEDIATE");
      await (await FilesProcess.start(dataDir)).stop();
      other.close();
    });
  });
});

describe("a disk without inodes or space", () => {
  it("rejects what does not fit, and goes on when there are inodes again", async (context) => {
    await needsDisks(context);
    await withSmallDisk(
      40,
      async (dataDir) => {
        await withEndpoint(dataDir, ["a"], async (endpoint, caller) => {
          mkdirSync(join(dataDir, "filler"));
          let used = 0;
          while (await hasRoom(join(dataDir, "filler", String(used)), "")) used++;
          const first = await makeChanges(endpoint, caller, "a");
          expect(Object.values(first)).toContain("507 InsufficientStorage 1");
          expect((await caller.send("GET", "/share/old")).body.equals(content)).toBe(true);
          await rm(join(dataDir, "filler"), { recursive: true });
          await expectRecovery(endpoint, caller, { turn: "a", first, rejections: full });
        });
      },
      { inodes: 120 },
    );
  });

  it("rejects what does not fit, and goes on when there is space again", async (context) => {
    await needsDisks(context);
    await withSmallDisk(8, async (dataDir) => {
      await withEndpoint(dataDir, ["a", "b"], async (endpoint, caller) => {
        mkdirSync(join(dataDir, "filler"));
        let used = 0;
        for (let size = 1024 * 1024; size >= 4096; size /= 2)
          while (await hasRoom(join(dataDir, "filler", String(used)), "x".repeat(size))) used++;
        // Fills what SQLite has reserved.
        for (let turn = 0; turn < 40; turn++) {
          const outcome = await caller.outcome("PUT", "/share/old?comp=metadata", {
            ...meta,
            "x-ms-meta-turn": String(turn),
          });
          expect([...succeeded, ...full]).toContain(outcome);
        }
        const first = await makeChanges(endpoint, caller, "a");
        expect(Object.values(first)).toContain("507 InsufficientStorage 1");
        await rm(join(dataDir, "filler"), { recursive: true });
        await expectRecovery(endpoint, caller, { turn: "a", first, rejections: full });
      });
    });
  });
});

describe("too few descriptors", () => {
  const setLimit = (endpoint: FilesProcess, limit: number): void => {
    execFileSync("prlimit", ["--pid", String(endpoint.pid), `--nofile=${limit}:`]);
  };

  it("are no reason to fail for good, or to end", async () => {
    await withFolder(async (dataDir) => {
      await withEndpoint(
        dataDir,
        ["a", "b"],
        async (endpoint, caller) => {
          // The connection stays open, so requests arrive although nothing else can be opened.
          await caller.outcome("GET", "/share/old");
          setLimit(endpoint, await endpoint.openFiles());
          const first = await makeChanges(endpoint, caller, "a");
          expect(Object.values(first)).toContain("503 ServerBusy 1");
          // Connections that cannot be accepted.
          const { hostname, port } = new URL(endpoint.account.fileEndpoint);
          await connectOften(hostname, Number(port));
          setLimit(endpoint, 10);
          await connectOften(hostname, Number(port));
          setLimit(endpoint, 4096);
          await expectRecovery(endpoint, caller, { turn: "a", first, rejections: busy });
          for (const outcome of Object.values(await makeChanges(endpoint, caller, "b")))
            expect(succeeded).toContain(outcome);
        },
        true,
      );
    });
  });
});

/** Opens some connections, each of which is accepted, closed or left waiting, and closes them. */
async function connectOften(host: string, port: number): Promise<void> {
  for (let count = 0; count < 20; count++) {
    const socket = connect(port, host);
    await new Promise<void>((resolve) => {
      const end = (): void => resolve();
      socket.once("error", end).once("connect", end).once("close", end).setTimeout(100, end);
    });
    socket.destroy();
  }
}

function hasRoom(path: string, text: string): Promise<boolean> {
  return writeFile(path, text).then(
    () => true,
    () => false,
  );
}
